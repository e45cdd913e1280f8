package packaging

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/built"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// Two builds, from two directories, of files with other times and modes, under
// another umask, zone, language and host name, give the same bytes.
func TestPackagesDependOnTheSourceAlone(t *testing.T) {
	need.Superuser(t) // for a host name of its own
	tree := need.CopyOfTree(t)
	seconds, err := need.Source(t).Time(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(need.Command(t, "unshare", "util-linux"), "--uts", "bash", "-ec",
		`hostname elsewhere; umask 077; find . -exec touch -h -d 2001-02-03 {} +; find packaging -type f -exec chmod go-r {} +
		exec go run ./cmd/hapgent-release packages`)
	cmd.Dir = tree
	cmd.Env = append(os.Environ(), "TZ=Pacific/Auckland", "LANG=tr_TR.UTF-8", "GOFLAGS=-buildvcs=true", "GOAMD64=v3",
		fmt.Sprintf("SOURCE_DATE_EPOCH=%d", seconds.Unix()))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(tree, "dist", "*"))
	if err != nil || len(found) != 2*len(names) {
		t.Fatalf("want %d packages, found %q, %v", 2*len(names), found, err)
	}
	for _, other := range found {
		theirs, err := os.ReadFile(other)
		ours, err2 := os.ReadFile(filepath.Join(dist, filepath.Base(other)))
		if err != nil || err2 != nil || !bytes.Equal(ours, theirs) {
			t.Errorf("%s: not the same bytes, %v, %v", filepath.Base(other), err, err2)
		}
	}
}

// Linked modules have licences, which each copy must contain.
func TestCopyrightNamesWhatIsLinked(t *testing.T) {
	for _, name := range names {
		dir := t.TempDir()
		run(t, "dpkg", "dpkg-deb", "-x", built.Deb(dist, name, version), dir)
		copyright, err := os.ReadFile(filepath.Join(dir, "usr/share/doc", name, "copyright"))
		if err != nil {
			t.Fatal(err)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "usr/*bin/*"))
		programs := 0
		for _, program := range files {
			info, err := buildinfo.ReadFile(program)
			if err != nil { // a script
				continue
			}
			programs++
			for _, module := range info.Deps {
				if !strings.Contains(string(copyright), module.Path) {
					t.Errorf("packaging/copyright/%s does not name %s, which is linked into %s", name, module.Path, filepath.Base(program))
				}
			}
		}
		if programs == 0 {
			t.Errorf("%s has no programs", name)
		}
	}
}
