package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/built"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// Piuparts installs, upgrades, removes and purges the packages, and looks at
// what is left.
func TestPiuparts(t *testing.T) {
	need.Superuser(t)
	piuparts := need.Command(t, "piuparts", "piuparts")
	l, err := lab.New()
	if err != nil {
		t.Fatal(err)
	}
	older := olderArchive(t)
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			// of its own: piuparts ends processes that have the same files open
			archive := t.TempDir()
			if err := os.CopyFS(archive, os.DirFS(older)); err != nil {
				t.Fatal(err)
			}
			log := filepath.Join(t.TempDir(), "log")
			cmd := exec.Command(piuparts, "--log-file="+log, "--log-level=error", "--no-eatmydata",
				"--existing-chroot="+l.Rootfs(t, suite, lab.Server), "--distribution="+suite,
				"--bindmount="+archive, "--extra-repo=deb [trusted=yes] file://"+archive+" ./",
				"--ignore=/var/cache/debconf/tmp.ci/", // apt-utils makes it, which hosts of the lab have
				built.Deb(dist, "hapgent", version), built.Deb(dist, "hapgent-tools", version))
			if out, err := cmd.CombinedOutput(); err != nil {
				text, _ := os.ReadFile(log)
				t.Errorf("piuparts: %v\n%s\n%s", err, out, text)
			}
		})
	}
}

// olderArchive is a repository of an older version, to upgrade from.
func olderArchive(t *testing.T) string {
	t.Helper()
	archive, err := built.Temporary()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(archive) })
	if err := built.Packages(archive, "0.3.1", built.Here()); err != nil {
		t.Fatal(err)
	}
	index := exec.Command(need.Command(t, "apt-ftparchive", "apt-utils"), "packages", ".")
	index.Dir = archive
	out, err := index.Output()
	if err == nil {
		err = os.WriteFile(filepath.Join(archive, "Packages"), out, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return archive
}
