// Package release makes releases and proves them, as releasers and strangers do.
package release

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

// who has made the release that the tests look at, in an environment as strange
// as may be.
var who *releaser.Releaser

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if who, err = releaser.New(""); err == nil {
		defer who.Remove()
		err = releaseStrangely()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// releaseStrangely makes the release as the workflow does.
func releaseStrangely() error {
	key, err := os.ReadFile(who.Key)
	if err != nil {
		return err
	}
	pgp, err := exec.Command("gpg", "--homedir", who.GnuPG, "--batch", "--armor", "--export-secret-keys").Output()
	if err != nil {
		return err
	}
	cmd := exec.Command("tools/bin/release-with-secrets")
	cmd.Dir = who.Tree
	cmd.Env = append(need.Unmade(), "SSH_SECRET="+string(key), "GPG_SECRET="+string(pgp), "TZ=Pacific/Auckland", "LANG=tr_TR.UTF-8", "GOAMD64=v3",
		"GOFLAGS=-ldflags=-X=main.version=wrong -tags=wrong")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%q: %w\n%s", cmd.Args, err, out)
	}
	return nil
}

// files are those below a directory, by their paths from there.
func files(t *testing.T, directory string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, strings.TrimPrefix(path, directory+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func read(t *testing.T, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// output runs a command that must succeed.
func output(t *testing.T, directory, stdin string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = directory
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func verifySSH(t *testing.T, directory, name string) {
	t.Helper()
	file := filepath.Join(directory, name)
	out := output(t, directory, string(read(t, file)), "ssh-keygen", "-Y", "verify", "-f", filepath.Join(who.Dist(), "allowed_signers"),
		"-I", releaser.Name, "-n", "file", "-s", file+".sig")
	if !strings.HasPrefix(out, `Good "file" signature for `+releaser.Name) {
		t.Errorf("%s: %s", name, out)
	}
}

func TestEveryFileHasAChecksumAndASignature(t *testing.T) {
	dist := who.Dist()
	unproven := files(t, dist)
	proven := func(name string) {
		unproven = slices.DeleteFunc(unproven, func(n string) bool { return n == name })
	}
	for _, folder := range []string{"", "apt", "yum"} {
		directory := filepath.Join(dist, folder)
		verifySSH(t, directory, "SHA256SUMS")
		proven(filepath.Join(folder, "SHA256SUMS"))
		proven(filepath.Join(folder, "SHA256SUMS.sig"))
		for line := range strings.Lines(output(t, directory, "", "sha256sum", "--strict", "--check", "SHA256SUMS")) {
			name, ok := strings.CutSuffix(line, ": OK\n")
			if !ok {
				t.Errorf("sha256sum: %s", line)
			}
			proven(filepath.Join(folder, name))
			if folder != "" {
				continue
			}
			if out := output(t, directory, "", "sha256sum", "--strict", "--check", name+".sha256"); out != line {
				t.Errorf("sha256sum: %s", out)
			}
			verifySSH(t, directory, name)
			proven(name + ".sha256")
			proven(name + ".sig")
		}
	}
	if len(unproven) > 0 {
		t.Errorf("nothing vouches for %q", unproven)
	}
}

func TestAllThatAReleaseIs(t *testing.T) {
	version := need.Source(t).Version
	want := []string{"SHA256SUMS", "allowed_signers", "hapgent-archive-keyring.asc", "hapgent.sources", "hapgent.repo", "SECURITY.md",
		"hapgent-" + version + ".cdx.json", "hapgent-ansible-role-" + version + ".tar.gz", "epicfilemcnulty-hapgent-" + version + ".tar.gz",
		"apt/dists/stable/InRelease", "apt/dists/stable/Release.gpg", "yum/repodata/repomd.xml.asc"}
	for _, a := range build.Architectures {
		for _, program := range []string{"hapgent", "hapgent-verify", "hapgent-sign"} {
			if a.Debian != "amd64" {
				program += "-" + a.Debian
			}
			want = append(want, program)
		}
		for _, name := range []string{"hapgent", "hapgent-tools"} {
			deb, rpm := name+"_"+version+"_"+a.Debian+".deb", name+"-"+version+"-1."+a.RPM+".rpm"
			want = append(want, deb, rpm, "apt/pool/"+deb, "yum/packages/"+rpm)
		}
	}
	for _, name := range want {
		info, err := os.Stat(filepath.Join(who.Dist(), name))
		if err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A stranger has the tag and what was published, and nothing of the releaser's.
// It takes one whole release, and so shows how long that takes.
func TestAStrangerMakesTheSameBytes(t *testing.T) {
	clone := filepath.Join(t.TempDir(), "a stranger's")
	output(t, "/", "", "git", "clone", "--quiet", who.Tree, clone)
	cmd := exec.Command("make", "--no-print-directory", "verify-release", "DIST="+who.Dist())
	cmd.Dir = clone
	cmd.Env = append(need.Unmade(), "GNUPGHOME="+t.TempDir())
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), " identical, 0 differ\n") {
		t.Fatalf("%v\n%s", err, out)
	}
	// not the time by the clock, which other work on the machine takes too
	busy := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	t.Logf("%v, of which processors worked %v\n%s", time.Since(start), busy, out)
	if busy > 90*time.Second {
		t.Errorf("a warm build and all checks took %v of processor time, want at most 90 s", busy)
	}
	var identical int
	last := out[bytes.LastIndexByte(bytes.TrimSpace(out), '\n')+1:]
	if n, err := fmt.Sscanf(string(last), "%d identical, 0 differ", &identical); n != 1 || identical < 150 {
		t.Errorf("compared %d files (%v), want all", identical, err)
	}
}

func TestNothingNamesTheMachine(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	goroot := strings.TrimSpace(output(t, "", "", "go", "env", "GOROOT"))
	for _, name := range files(t, who.Dist()) {
		content := read(t, who.Dist(), name)
		for _, secret := range []string{who.Directory, filepath.Base(who.Directory), need.Root(t), "/root/", goroot} {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s names %q", name, secret)
			}
		}
		if len(host) > 6 && bytes.Contains(content, []byte(host)) {
			t.Errorf("%s names this host", name)
		}
	}
}

func TestBillNamesWhatProgramsAreMadeOf(t *testing.T) {
	var bill cyclonedx.BOM
	text := read(t, who.Dist(), "hapgent-"+need.Source(t).Version+".cdx.json")
	if err := json.Unmarshal(text, &bill); err != nil {
		t.Fatal(err)
	}
	needs := map[string][]string{}
	for _, d := range *bill.Dependencies {
		needs[d.Ref] = *d.Dependencies
	}
	for _, program := range []string{"hapgent", "hapgent-verify", "hapgent-sign"} {
		said := output(t, who.Dist(), "", "go", "version", "-m", program)
		want := []string{"pkg:golang/std@" + strings.Fields(said)[1]}
		for line := range strings.Lines(said) {
			if fields := strings.Fields(line); fields[0] == "dep" {
				want = append(want, "pkg:golang/"+fields[1]+"@"+fields[2])
			}
		}
		slices.Sort(want)
		for _, module := range want {
			if !slices.Contains(needs["cmd/"+program], module) {
				t.Errorf("%s: the bill does not name %s", program, module)
			}
		}
		if program == "hapgent" && len(needs["cmd/hapgent"]) != 1 {
			t.Errorf("the agent needs %q, want the standard library alone", needs["cmd/hapgent"])
		}
		sum := strings.Fields(string(read(t, who.Dist(), program+".sha256")))[0]
		if !bytes.Contains(text, []byte(sum)) {
			t.Errorf("the bill does not have the sum of %s", program)
		}
	}
}
