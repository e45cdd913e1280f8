package release

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

const roleMeta = `galaxy_info:
  namespace: us
  role_name: hapgent
  author: hapgent maintainers
  description: an agent
  license: Apache-2.0
  min_ansible_version: "2.14"
  galaxy_tags: [haproxy]
`

// Ansible's own tools judge it in test/ansible.
func TestCollectionHasRoleAndPlaybooks(t *testing.T) {
	s := newTree(t, map[string]os.FileMode{"LICENSE": 0o644, "ansible/README.md": 0o644, "ansible/meta/main.yml": 0o644, "ansible/playbooks/tasks/look.yml": 0o600})
	if err := os.WriteFile(filepath.Join(s.Root, "ansible/meta/main.yml"), []byte(roleMeta), 0o644); err != nil {
		t.Fatal(err)
	}
	w, err := build.NewWorkshop(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	directory := t.TempDir()
	if err := buildCollection(t.Context(), w, directory); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(directory, "us-hapgent-1.0.0.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, name := range []string{"MANIFEST.json 644", "FILES.json 644", "LICENSE 644", "README.md 644", "meta/ 755", "meta/runtime.yml 644", "playbooks/ 755",
		"playbooks/tasks/ 755", "playbooks/tasks/look.yml 644", "roles/ 755", "roles/hapgent/ 755", "roles/hapgent/meta/ 755", "roles/hapgent/meta/main.yml 644"} {
		want += name + entryEnd(w)
	}
	if got := listTarball(t, content); got != want {
		t.Errorf("the collection has\n%s\nwant\n%s", got, want)
	}
}
