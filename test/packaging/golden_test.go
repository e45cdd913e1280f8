package packaging

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// Parts that differ from build to build, and that nobody has decided.
var volatile = []struct {
	found *regexp.Regexp
	shown string
}{
	{regexp.MustCompile(`(?m)^(.{10} \S+/\S+) +\d+ \d{4}-\d\d-\d\d \d\d:\d\d `), "$1 "}, // size and time of tar
	{regexp.MustCompile(`(?m)^(Installed-Size: )\d+$`), "${1}SIZE"},
}

// The golden files show the decisions: control data, scripts, and each file with
// owner and mode.
func TestPackagesAreAsDecided(t *testing.T) {
	for _, name := range debs {
		deb := find(t, name+"_*.deb")
		golden(t, name+".deb.txt",
			run(t, "dpkg", "dpkg-deb", "--field", deb)+
				"\nconffiles:\n"+conffiles(t, deb)+
				"\nfiles:\n"+run(t, "dpkg", "dpkg-deb", "--contents", deb))
	}
	for _, name := range rpms {
		rpm := find(t, name+"-[0-9]*.rpm")
		golden(t, name+".rpm.txt",
			run(t, "rpm", "rpm", "-qp", "--nosignature", "--qf", "%{NAME} %{VERSION} %{RELEASE} %{ARCH} %{LICENSE} %{GROUP} %{BUILDHOST}\\n%{SUMMARY}\\n%{VENDOR}, %{PACKAGER}, %{URL}\\n%{DESCRIPTION}\\n", rpm)+
				"\nrequires:\n"+run(t, "rpm", "rpm", "-qp", "--nosignature", "--requires", rpm)+
				"\nrecommends:\n"+run(t, "rpm", "rpm", "-qp", "--nosignature", "--recommends", rpm)+
				"\nprovides:\n"+run(t, "rpm", "rpm", "-qp", "--nosignature", "--provides", rpm)+
				"\nscripts:\n"+run(t, "rpm", "rpm", "-qp", "--nosignature", "--scripts", rpm)+
				"\nfiles:\n"+run(t, "rpm", "rpm", "-qp", "--nosignature", "--qf", "[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILEFLAGS:fflags} %{FILENAMES}\\n]", rpm))
	}
}

func conffiles(t *testing.T, deb string) string {
	dir := filepath.Join(t.TempDir(), "control")
	run(t, "dpkg", "dpkg-deb", "--control", deb, dir)
	b, err := os.ReadFile(filepath.Join(dir, "conffiles"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

// A deb has exactly the scripts of the tree, unchanged.
func TestDebHasTheScripts(t *testing.T) {
	for _, name := range debs {
		dir := filepath.Join(t.TempDir(), "control")
		run(t, "dpkg", "dpkg-deb", "--control", find(t, name+"_*.deb"), dir)
		for _, script := range []string{"preinst", "postinst", "prerm", "postrm", "config", "triggers"} {
			got, _ := os.ReadFile(filepath.Join(dir, script))
			want := ""
			if name == "hapgent" && strings.HasPrefix(script, "p") {
				want = need.Read(t, "packaging", "deb", script)
			} else if name == "hapgent-archive-keyring" && script == "postinst" {
				want = need.Read(t, "packaging", "keyring", script)
			}
			if string(got) != want {
				t.Errorf("%s: %s is\n%s\nwant\n%s", name, script, got, want)
			}
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	for _, v := range volatile {
		got = v.found.ReplaceAllString(got, v.shown)
	}
	got = strings.ReplaceAll(got, version, "VERSION")
	need.Golden(t, *update, filepath.Join("testdata", file), got)
}
