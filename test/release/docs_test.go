package release

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

var update = flag.Bool("update", false, "write the sizes into docs/releasing.md")

const document = "docs/releasing.md"

// The lines of the document that are marked as a shell's, one block after the
// other, by a releaser whose keys are called as the document has it.
func TestTheLinesOfTheDocumentRun(t *testing.T) {
	r := newReleaser(t)
	forgetKeyring(t, r)
	text := read(t, need.Root(t), document)
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllSubmatch(text, -1)
	if len(blocks) != 4 {
		t.Fatalf("found %d blocks of shell", len(blocks))
	}
	home := filepath.Join(r.Directory, "home")
	do(t, os.MkdirAll(filepath.Join(home, ".ssh"), 0o700))
	for _, suffix := range []string{"", ".pub"} {
		do(t, os.Rename(r.Key+suffix, filepath.Join(home, ".ssh", "release"+suffix)))
	}
	for _, args := range [][]string{{"user.name", "test"}, {"user.email", releaser.Name}} {
		do(t, r.Git("config", args[0], args[1]))
	}
	do(t, r.Git("tag", "--delete", need.Source(t).Tag()))
	script := string(blocks[0][1]) + "echo >>CHANGELOG.md\n" // something to commit
	for _, block := range blocks[1:] {
		script += string(block[1])
	}
	// both keys are good today
	today := strings.NewReplacer("release@example.org", releaser.Name, "20270201Z", "20990201Z", "20270101Z", "20200101Z")
	cmd := exec.Command("bash", "-euxc", today.Replace(script))
	cmd.Dir = r.Tree
	cmd.Env = append(need.Unmade(), "HOME="+home, "GNUPGHOME="+r.GnuPG, "PATH="+who.Dist()+":"+os.Getenv("PATH"),
		"GOMODCACHE="+strings.TrimSpace(output(t, "", "", "go", "env", "GOMODCACHE")), "GOCACHE="+strings.TrimSpace(output(t, "", "", "go", "env", "GOCACHE")))
	out, err := cmd.CombinedOutput()
	for _, want := range []string{" identical, 0 differ\n", `Good "file" signature for ` + releaser.Name} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("%v, does not say %q\n%s", err, want, out)
		}
	}
}

// sizes is the table of the document.
func sizes(t *testing.T) string {
	t.Helper()
	version := need.Source(t).Version
	var b strings.Builder
	b.WriteString("| | agent | .deb | .rpm | hapgent-verify | hapgent-sign |\n|---|---|---|---|---|---|\n")
	for _, a := range build.Architectures {
		suffix := map[bool]string{false: "-" + a.Debian}[a.Debian == "amd64"]
		fmt.Fprintf(&b, "| %s |", a.Debian)
		for _, name := range []string{
			"hapgent" + suffix, "hapgent_" + version + "_" + a.Debian + ".deb", "hapgent-" + version + "-1." + a.RPM + ".rpm",
			"hapgent-verify" + suffix, "hapgent-sign" + suffix,
		} {
			fmt.Fprintf(&b, " %.2f |", float64(len(read(t, who.Dist(), name)))/1e6)
		}
		b.WriteString("\n")
	}
	return b.String()
}

var number = regexp.MustCompile(`\d+\.\d+`)

// The table is nearly right: a few kilobytes more do not matter.
func TestSizesInTheDocument(t *testing.T) {
	const begin, end, near = "<!-- sizes -->\n", "<!-- /sizes -->", 0.03
	text := string(read(t, need.Root(t), document))
	before, rest, _ := strings.Cut(text, begin)
	table, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatalf("%s has no place for the table, between %q and %q", document, begin, end)
	}
	want := sizes(t)
	if *update {
		write(t, before+begin+want+end+after, need.Root(t), document)
		return
	}
	if number.ReplaceAllString(table, "") != number.ReplaceAllString(want, "") {
		t.Fatalf("%s shows\n%swant\n%swrite it by `go test ./test/release -update`", document, table, want)
	}
	shown, are := number.FindAllString(table, -1), number.FindAllString(want, -1)
	for i := range are {
		x, _ := strconv.ParseFloat(shown[i], 64)
		y, _ := strconv.ParseFloat(are[i], 64)
		if x < y*(1-near) || x > y*(1+near) {
			t.Errorf("%s shows %s, and it is %s now: write it by `go test ./test/release -update`", document, shown[i], are[i])
		}
	}
}
