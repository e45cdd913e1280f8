// Package release makes releases and verifies them, as releasers and strangers do.
package release

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

// who made the release that the tests examine, in an environment as unusual as
// possible.
var who *releaser.Releaser

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if who, err = releaser.New(); err == nil {
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
		"hapgent-" + version + ".cdx.json", "hapgent-" + version + ".buildinfo", "hapgent-" + version + ".tar.gz", "hapgent-ansible-role-" + version + ".tar.gz", "epicfilemcnulty-hapgent-" + version + ".tar.gz",
		"hapgent-archive-keyring_" + version + "_all.deb", "hapgent-repository-" + version + "-1.noarch.rpm",
		"apt/dists/stable/InRelease", "apt/dists/stable/Release.gpg", "apt/dists/testing/InRelease", "apt/dists/testing/Release.gpg",
		"yum/repodata/repomd.xml.asc", "yum/repodata/repomd.xml.key", "yum/testing/repodata/repomd.xml.asc", "yum/testing/repodata/repomd.xml.key"}
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

// Strangers have the tag, or the source tarball and no git, and the published files,
// but nothing of the releaser's. Each builds a whole release, and shows how long that
// takes.
func TestAStrangerMakesTheSameBytes(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a stranger's")
	do(t, os.Mkdir(folder, 0o755))
	t.Run("of the tag", func(t *testing.T) {
		output(t, folder, "", "git", "clone", "--quiet", who.Tree, "clone")
		makesTheSameBytes(t, filepath.Join(folder, "clone"))
	})
	t.Run("of the tarball", func(t *testing.T) {
		name := "hapgent-" + need.Source(t).Version
		output(t, folder, "", "tar", "-xf", filepath.Join(who.Dist(), name+".tar.gz"))
		without := t.TempDir()
		do(t, os.WriteFile(filepath.Join(without, "git"), []byte("#!/bin/sh\nexit 127\n"), 0o755))
		write(t, "of the stranger\n", folder, name, "ansible", "more.yml") // no file of the source
		makesTheSameBytes(t, filepath.Join(folder, name), "PATH="+without+":"+os.Getenv("PATH"))
	})
}

func makesTheSameBytes(t *testing.T, tree string, variables ...string) {
	t.Helper()
	cmd := exec.Command("make", "--no-print-directory", "verify-release", "DIST="+who.Dist())
	cmd.Dir = tree
	cmd.Env = append(append(need.Unmade(), "GNUPGHOME="+t.TempDir()), variables...)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), " identical, 0 differ\n") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%v, of which processors worked %v\n%s", time.Since(start), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), out)
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
