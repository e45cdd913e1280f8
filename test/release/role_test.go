package release

import (
	"path/filepath"
	"strings"
	"testing"
)

// The role must install the release's agent; a release whose role would refuse its
// agent is refused.
func TestRoleChecksum(t *testing.T) {
	r := newReleaser(t)
	defaults := filepath.Join(r.Tree, "ansible", "defaults", "main.yml")
	right := string(read(t, defaults))
	sum := strings.Fields(string(read(t, who.Dist(), "hapgent.sha256")))[0]
	wrong := strings.Replace(right, sum, strings.Repeat("0", 64), 1)
	write(t, wrong, defaults)
	do(t, r.Commit("v"+strings.TrimSpace(string(read(t, r.Tree, "VERSION")))))
	refused(t, r, "Ansible role: it has \"hapgent_checksum: 0{64}\", .* `make role-checksum` writes it")
	out, err := r.Make("role-checksum").CombinedOutput()
	if got := string(read(t, defaults)); err != nil || got != right {
		t.Errorf("%v\n%s\nthe defaults are now\n%s\nwant\n%s", err, out, got, right)
	}
}

// Hosts that the role of a release sets up trust the keys of that release.
func TestRoleHasTheKeysOfItsRelease(t *testing.T) {
	role := t.TempDir()
	version := strings.TrimSpace(string(read(t, who.Tree, "VERSION")))
	output(t, role, "", "tar", "-xzf", filepath.Join(who.Dist(), "hapgent-ansible-role-"+version+".tar.gz"))
	for _, name := range []string{"allowed_signers", "hapgent-archive-keyring.asc"} {
		if got, want := read(t, role, "hapgent", "files", name), read(t, who.Dist(), name); string(got) != string(want) {
			t.Errorf("the role has in %s\n%s\nwant\n%s", name, got, want)
		}
	}
}
