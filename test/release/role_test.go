package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the role installs must be what the release has; a release of a role that
// would refuse it is refused.
func TestRoleChecksum(t *testing.T) {
	r := newReleaser(t)
	do(t, os.MkdirAll(filepath.Join(r.Tree, "ansible", "defaults"), 0o755))
	const before, after = "---\nhapgent_version: 1\nhapgent_checksum: ", "\nhapgent_status: FAIL\n"
	write(t, before+strings.Repeat("0", 64)+after, r.Tree, "ansible", "defaults", "main.yml")
	do(t, r.Commit("v"+strings.TrimSpace(string(read(t, r.Tree, "VERSION")))))
	refused(t, r, "Ansible role: it has \"hapgent_checksum: 0{64}\", .* `make role-checksum` writes it")
	out, err := r.Make("role-checksum").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := strings.Fields(string(read(t, who.Dist(), "hapgent.sha256")))[0]
	if got := string(read(t, r.Tree, "ansible", "defaults", "main.yml")); got != before+want+after {
		t.Errorf("the defaults are now\n%s\nwant the checksum %s", got, want)
	}
}
