package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the role installs must be what the release has; a release of a role that
// would refuse it is refused.
func TestRoleChecksum(t *testing.T) {
	r := newReleaser(t)
	version := strings.TrimSpace(string(read(t, r.Tree, "VERSION")))
	do(t, os.MkdirAll(filepath.Join(r.Tree, "ansible", "defaults"), 0o755))
	const before, after = "---\nhapgent_version: 1\nhapgent_checksum: ", "\nhapgent_status: FAIL\n"
	write(t, before+strings.Repeat("0", 64)+after, r.Tree, "ansible", "defaults", "main.yml")
	do(t, r.Commit("v"+version))
	refused(t, r, "the role has \"hapgent_checksum: 0{64}\", .* `make role-checksum` writes it")
	out, err := r.Make("role-checksum").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := strings.Fields(string(read(t, who.Dist(), "hapgent.sha256")))[0]
	if got := string(read(t, r.Tree, "ansible", "defaults", "main.yml")); got != before+want+after {
		t.Errorf("the defaults are now\n%s\nwant the checksum %s", got, want)
	}
	do(t, os.WriteFile(filepath.Join(r.Tree, "ansible", "run.sh"), []byte("#!/bin/sh\n"), 0o755))
	do(t, r.Commit("v"+version))
	write(t, "not tracked", r.Tree, "ansible", "untracked")
	out, err = r.Make("release", "SIGNING_KEY=", "GPG_KEY=").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	listed := listTarball(t, read(t, r.Dist(), "hapgent-ansible-role-"+version+".tar.gz"))
	for _, name := range []string{"hapgent/defaults/main.yml 644", "hapgent/run.sh 755"} {
		if !strings.Contains(listed, name+" 0 0\n") {
			t.Errorf("the role has no %s of root:\n%s", name, listed)
		}
	}
	if strings.Contains(listed, "untracked") {
		t.Errorf("the role has what git does not track:\n%s", listed)
	}
}

func listTarball(t *testing.T, content []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(content))
	do(t, err)
	var b strings.Builder
	for archive := tar.NewReader(z); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		do(t, err)
		fmt.Fprintf(&b, "%s %o %d %d\n", h.Name, h.Mode, h.Uid, h.Gid)
	}
}
