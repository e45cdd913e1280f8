package release

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

// fails runs a command of make that must fail, and returns what it says.
func fails(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("%q did not fail:\n%s", cmd.Args, out)
	}
	return string(out)
}

// refused tries to make a release, which must be refused with one sentence,
// and leave no file.
func refused(t *testing.T, r *releaser.Releaser, want string, variables ...string) {
	t.Helper()
	before := files(t, r.Tree)
	said := fails(t, r.Make("release", variables...))
	sentences := regexp.MustCompile(`(?m)^(exit status 1|make: .*)\n`).ReplaceAllString(said, "")
	if strings.Count(sentences, "\n") != 1 || !regexp.MustCompile(want).MatchString(sentences) {
		t.Errorf("said %q, want one sentence: %s", sentences, want)
	}
	if after := files(t, r.Tree); !slices.Equal(before, after) {
		t.Errorf("there were the files\n%q, now there are\n%q", before, after)
	}
}

func newReleaser(t *testing.T) *releaser.Releaser {
	t.Helper()
	r, err := releaser.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Remove() })
	return r
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, text string, path ...string) {
	t.Helper()
	do(t, os.WriteFile(filepath.Join(path...), []byte(text), 0o644))
}

func TestRefusedReleases(t *testing.T) {
	r := newReleaser(t)
	version := strings.TrimSpace(string(read(t, r.Tree, "VERSION")))
	stranger := filepath.Join(r.Directory, "stranger")
	do(t, releaser.Run(r.Directory, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger))

	t.Run("missing key", func(t *testing.T) {
		refused(t, r, `SIGNING_KEY: key: open .*/none: no such file`, "SIGNING_KEY="+r.Directory+"/none")
		refused(t, r, `GPG_KEY: gpg has no secret key "nobody@example.org"`, "GPG_KEY=nobody@example.org")
		refused(t, r, `two keys, SIGNING_KEY .* and GPG_KEY`, "GPG_KEY=")
		refused(t, r, `two keys, SIGNING_KEY .* and GPG_KEY`, "SIGNING_KEY=")
	})
	t.Run("key that is not allowed", func(t *testing.T) {
		refused(t, r, `SIGNING_KEY: the key SHA256:\S+ must be allowed by packaging/allowed_signers.*no line lists the key`, "SIGNING_KEY="+stranger)
	})
	t.Run("dirty tree", func(t *testing.T) {
		write(t, "", r.Tree, "cmd", "hapgent", "more.go")
		refused(t, r, `the tree differs from its commit, "\?\? cmd/hapgent/more.go" and 0 more`)
		do(t, os.Remove(filepath.Join(r.Tree, "cmd/hapgent/more.go")))
		write(t, "changed\n", r.Tree, "CHANGELOG.md")
		refused(t, r, `the tree differs from its commit, " M CHANGELOG.md" and 0 more`)
		do(t, r.Git("checkout", "--quiet", "CHANGELOG.md"))
	})
	t.Run("version that is not the tag", func(t *testing.T) {
		do(t, r.Git("tag", "v9.9.9"))
		do(t, r.Git("tag", "--delete", "v"+version))
		refused(t, r, `VERSION is `+version+`, and the tag of the commit is v9.9.9: expected v`+version)
		do(t, r.Git("tag", "--delete", "v9.9.9"))
		refused(t, r, `VERSION is `+version+`, and the commit has no tag: expected v`+version)
		do(t, r.Tag("v"+version))
		write(t, "0.4\n", r.Tree, "VERSION")
		refused(t, r, `VERSION must be a version such as 0\.4\.0 or 0\.4\.0-rc1`)
		do(t, r.Git("checkout", "--quiet", "VERSION"))
	})
	t.Run("tag that nobody answers for", func(t *testing.T) {
		const want = `tag v\S+ must be signed by a key that packaging/allowed_signers allows for git`
		do(t, r.Git("tag", "--force", "v"+version))
		refused(t, r, want+`.*cannot verify a non-tag object`)
		do(t, r.Git("tag", "--force", "--annotate", "--message", "unsigned", "v"+version))
		refused(t, r, want+`.*no signature found`)
		ours := r.Key
		r.Key = stranger
		do(t, r.Tag("v"+version))
		r.Key = ours
		refused(t, r, want)
		do(t, r.Tag("v"+version))
	})
	t.Run("commit that is not on main", func(t *testing.T) {
		do(t, r.Git("checkout", "--quiet", "-b", "aside"))
		do(t, r.Commit("v"+version))
		refused(t, r, `the commit of v\S+ is not in refs/heads/main`)
		do(t, r.Git("branch", "--force", "main"))
		do(t, r.Git("update-ref", "refs/remotes/origin/main", "main~1"))
		refused(t, r, `the commit of v\S+ is not in refs/remotes/origin/main`)
		do(t, r.Git("update-ref", "-d", "refs/remotes/origin/main"))
		do(t, r.Git("checkout", "--quiet", "main"))
	})
	t.Run("commit ahead of the clock", func(t *testing.T) {
		t.Setenv("GIT_COMMITTER_DATE", time.Now().Add(time.Hour).Format(time.RFC3339))
		do(t, r.Commit("v"+version))
		refused(t, r, `the commit is of .*, ahead of the clock here: for apt the index would not be valid yet`)
		do(t, r.Git("reset", "--quiet", "--hard", "HEAD~1"))
		os.Unsetenv("GIT_COMMITTER_DATE")
		do(t, r.Tag("v"+version))
	})
	t.Run("expired and revoked key", func(t *testing.T) {
		allowed := string(read(t, r.Tree, "packaging", "allowed_signers"))
		write(t, strings.Replace(allowed, "namespaces", `valid-before="20200101Z",namespaces`, 1), r.Tree, "packaging", "allowed_signers")
		do(t, r.Commit("v"+version))
		refused(t, r, `tag v\S+ must be signed by .*key has expired`)
		write(t, allowed, r.Tree, "packaging", "allowed_signers")
		do(t, releaser.Run(r.Tree, "ssh-keygen", "-k", "-f", "packaging/revoked_keys", r.Key+".pub"))
		do(t, r.Commit("v"+version))
		refused(t, r, `tag v\S+ must be signed by a key that packaging/allowed_signers allows`)
	})
}

// gpg runs gpg with the releaser's keys, as a user does who bypasses the checks.
func gpg(t *testing.T, r *releaser.Releaser, args ...string) {
	t.Helper()
	do(t, releaser.Run(r.Directory, "gpg", append([]string{"--homedir", r.GnuPG, "--batch", "--quiet", "--passphrase", ""}, args...)...))
}

// A key that hosts would refuse, days later, is refused before it signs.
func TestRefusedOpenPGPKeys(t *testing.T) {
	r := newReleaser(t)
	tag := "v" + strings.TrimSpace(string(read(t, r.Tree, "VERSION")))
	for _, key := range []string{"other", "weak", "expiring", "certifying"} {
		usage, expires := "sign", "never"
		options := []string{}
		switch key {
		case "weak":
			options = []string{"--cert-digest-algo", "SHA1"}
		case "expiring":
			options, expires = []string{"--faked-system-time", "20200101T000000"}, "1d"
		case "certifying":
			usage = "cert"
		}
		gpg(t, r, append(options, "--quick-generate-key", key+"@example.org", "rsa3072", usage, expires)...)
	}
	fingerprint := strings.Fields(regexp.MustCompile(`(?m)^fpr:+([0-9A-F]+):`).FindStringSubmatch(
		output(t, "", "", "gpg", "--homedir", r.GnuPG, "--list-keys", "--with-colons", "certifying@example.org"))[1])[0]
	gpg(t, r, "--quick-add-key", fingerprint, "rsa3072", "sign", "never")

	refused(t, r, `GPG_KEY: the OpenPGP key [0-9A-F]{40} is not in packaging/hapgent-archive-keyring.asc, .* `+"`make keys` writes it", "GPG_KEY=other@example.org")
	refused(t, r, `GPG_KEY: OpenPGP key [0-9A-F]{40} cannot sign itself, only a subkey`, "GPG_KEY=certifying@example.org")
	refused(t, r, `GPG_KEY: OpenPGP key [0-9A-F]{40} has expired`, "GPG_KEY=expiring@example.org")
	weak := r.Make("keys", "GPG_KEY=weak@example.org")
	if said := fails(t, weak); !strings.Contains(said, "has a signature by SHA-1") {
		t.Error(said)
	}
	do(t, r.Commit(tag))
	refused(t, r, `a key of [0-9A-F]{40} has a signature by SHA-1`, "GPG_KEY=weak@example.org")
	forgetKeyring(t, r)
}

// forgetKeyring returns the tree to its state before its maintainer made the OpenPGP
// key, from which no release can be made.
func forgetKeyring(t *testing.T, r *releaser.Releaser) {
	t.Helper()
	tag := "v" + strings.TrimSpace(string(read(t, r.Tree, "VERSION")))
	const copied = " does not have the keys that are in packaging: `make keys` writes them"
	do(t, os.Remove(filepath.Join(r.Tree, "packaging", "hapgent-archive-keyring.asc")))
	do(t, r.Commit(tag))
	refused(t, r, "SECURITY.md"+copied)
	do(t, r.WriteKeys("GPG_KEY="))
	write(t, "", r.Tree, "ansible/files/allowed_signers")
	do(t, r.Commit(tag))
	refused(t, r, "ansible/files/allowed_signers"+copied)
	do(t, r.WriteKeys("GPG_KEY="))
	do(t, r.Commit(tag))
	refused(t, r, "GPG_KEY: packaging/hapgent-archive-keyring.asc is missing, .*`make keys` writes it")
	if got := string(read(t, r.Tree, "SECURITY.md")); strings.Contains(got, "OpenPGP  ") {
		t.Errorf("SECURITY.md names an OpenPGP key that is not there:\n%s", got)
	}
}

// git would answer for the tree around a tarball that is unpacked in it, where a release
// could be made of any source.
func TestReleaseOfASourceTarballIsRefused(t *testing.T) {
	r := successor(t)
	run := filepath.Join(r.Tree, "run") // which git ignores
	name := "hapgent-" + strings.TrimSpace(string(read(t, r.Tree, "VERSION")))
	do(t, os.MkdirAll(run, 0o755))
	output(t, run, "", "tar", "-xf", filepath.Join(who.Dist(), name+".tar.gz"))
	r.Tree = filepath.Join(run, name)
	write(t, "changed\n", r.Tree, "README.md")
	refused(t, r, `this is a source tarball, with .source.json, and cannot be compared with tag v\S+ here: make the release in a clone`)
}

// A target that fails when others are done leaves nothing, and does not change an
// earlier release.
func TestHalfAReleaseIsNone(t *testing.T) {
	r := newReleaser(t)
	do(t, os.Remove(filepath.Join(r.Tree, "examples", "deploy.sh")))
	do(t, r.Commit("v"+strings.TrimSpace(string(read(t, r.Tree, "VERSION")))))
	refused(t, r, `(deb|rpm) of hapgent for \w+: .*examples/deploy.sh`)
	do(t, os.Mkdir(filepath.Join(r.Tree, "dist"), 0o755))
	write(t, "of an earlier release\n", r.Tree, "dist", "hapgent")
	refused(t, r, `(deb|rpm) of hapgent for \w+: .*examples/deploy.sh`)
	if got := read(t, r.Tree, "dist", "hapgent"); string(got) != "of an earlier release\n" {
		t.Errorf("dist/hapgent is now %q", got)
	}
}

// An interrupted release leaves nothing either.
func TestInterruptedRelease(t *testing.T) {
	r := newReleaser(t)
	before := files(t, r.Tree)
	cmd := r.Make("release")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	do(t, cmd.Start())
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		partial, _ := filepath.Glob(filepath.Join(r.Tree, ".dist-partial-*", "hapgent*"))
		if len(partial) > 0 {
			break
		}
		if time.Since(start) > 5*time.Minute {
			t.Fatal("no file of the release appears in five minutes")
		}
	}
	do(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)) // as the terminal does for ^C
	if err := cmd.Wait(); err == nil {
		t.Fatal("make did not fail")
	}
	if after := files(t, r.Tree); !slices.Equal(before, after) {
		t.Errorf("there were the files\n%q, now there are\n%q", before, after)
	}
}

// A snapshot says in each of its parts that it is no release.
func TestSnapshot(t *testing.T) {
	r := newReleaser(t)
	write(t, "dirty\n", r.Tree, "untracked")
	out, err := r.Make("release", "SIGNING_KEY=", "GPG_KEY=").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "snapshot") {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, want := range map[string]string{
		"allowed_signers":            "snapshot namespaces=\"file\" ssh-ed25519 ",
		"hapgent.sources":            "# hapgent snapshot\n",
		"hapgent.repo":               "name=hapgent snapshot\n",
		"SECURITY.md":                "SSH      snapshot  ED25519 SHA256:",
		"apt/dists/stable/InRelease": "Label: hapgent snapshot\n",
		"apt/dists/stable/Release":   "Description: hapgent snapshot\n",
	} {
		if got := read(t, r.Dist(), name); !bytes.Contains(got, []byte(want)) {
			t.Errorf("%s does not say %q:\n%s", name, want, got)
		}
		if got := read(t, who.Dist(), name); bytes.Contains(got, []byte("snapshot  ")) || bytes.Contains(got, []byte("hapgent snapshot")) {
			t.Errorf("%s of a release says that it is a snapshot:\n%s", name, got)
		}
	}
	if keys := output(t, r.Dist(), "", "gpg", "--show-keys", "hapgent-archive-keyring.asc"); !strings.Contains(keys, "snapshot (a throw-away key)") {
		t.Errorf("the keyring has %s", keys)
	}
	// a repository is published elsewhere than the files: either is verified alone
	for _, folder := range []string{"apt", "yum"} {
		do(t, os.RemoveAll(filepath.Join(r.Dist(), folder)))
	}
	verified, err := r.Make("verify-release").CombinedOutput()
	for _, want := range []string{"snapshot, signed with throw-away keys", "dist/apt is missing: not verified\n", " 0 differ\n"} {
		if err != nil || !strings.Contains(string(verified), want) {
			t.Errorf("%v, does not say %q:\n%s", err, want, verified)
		}
	}
}
