package release

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

// successor is the releaser of the release that all look at, who goes on.
func successor(t *testing.T) *releaser.Releaser {
	t.Helper()
	r, err := who.Copy()
	do(t, err)
	t.Cleanup(func() { r.Remove() })
	do(t, os.RemoveAll(r.Dist()))
	return r
}

// A package that differs from the published one, or has the wrong signer, does not get
// into the repositories of the next release, which would sign it.
func TestRefusedPools(t *testing.T) {
	r := successor(t)
	do(t, r.Next("0.9.0"))
	version := strings.TrimSpace(string(read(t, who.Tree, "VERSION")))
	deb := filepath.Join("apt", "pool", "hapgent_"+version+"_amd64.deb")
	for _, c := range []struct {
		name, want string
		change     func(t *testing.T, pool string)
	}{
		{"package changed", `its sum is [0-9a-f]{64}, and the pool's SHA256SUMS has another`, func(t *testing.T, pool string) {
			change(t, 500, pool, deb)
		}},
		{"foreign package", `no signed SHA256SUMS of the pool lists it`, func(t *testing.T, pool string) {
			do(t, os.Rename(filepath.Join(pool, deb), filepath.Join(pool, "apt", "pool", "hapgent_0.2.0_amd64.deb")))
		}},
		{"package of something else", `it does not have the name of a release's package`, func(t *testing.T, pool string) {
			do(t, os.Rename(filepath.Join(pool, deb), filepath.Join(pool, "apt", "pool", "nginx_1.0_amd64.deb")))
		}},
		{"list changed", `SHA256SUMS: .*[Ss]ignature`, func(t *testing.T, pool string) {
			write(t, string(read(t, pool, "apt", "SHA256SUMS"))+strings.Repeat("0", 64)+"  pool/x.deb\n", pool, "apt", "SHA256SUMS")
		}},
		{"list unsigned", `SHA256SUMS\.sig`, func(t *testing.T, pool string) { do(t, os.Remove(filepath.Join(pool, "yum", "SHA256SUMS.sig"))) }},
		{"list by a stranger", `apt/SHA256SUMS: NOT verified: signed by SHA256:\S+`, func(t *testing.T, pool string) {
			stranger := filepath.Join(t.TempDir(), "stranger")
			do(t, releaser.Run("/", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger))
			do(t, os.Remove(filepath.Join(pool, "apt", "SHA256SUMS.sig")))
			do(t, releaser.Run(pool, "ssh-keygen", "-q", "-Y", "sign", "-f", stranger, "-n", "file", "apt/SHA256SUMS"))
		}},
		{"published twice", `it was published with 2 contents`, func(t *testing.T, pool string) {
			write(t, strings.Repeat("0", 64)+"  hapgent_"+version+"_amd64.deb\n", pool, "more")
			do(t, os.Mkdir(filepath.Join(pool, "again"), 0o755))
			do(t, os.Rename(filepath.Join(pool, "more"), filepath.Join(pool, "again", "SHA256SUMS")))
			do(t, releaser.Run(pool, "ssh-keygen", "-q", "-Y", "sign", "-f", who.Key, "-n", "file", "again/SHA256SUMS"))
		}},
		{"index changed", `Release: its sum is`, func(t *testing.T, pool string) { change(t, 20, pool, "apt", "dists", "stable", "Release") }},
		{"index lost", `by-hash/SHA256/`, func(t *testing.T, pool string) {
			do(t, os.RemoveAll(filepath.Join(pool, "apt/dists/stable/main/binary-amd64/by-hash")))
		}},
		{"folder lost", `no such file or directory`, func(t *testing.T, pool string) { do(t, os.RemoveAll(pool)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			pool := copyOfDist(t)
			c.change(t, pool)
			refused(t, r, "POOL: .*"+c.want, "POOL="+pool)
		})
	}
	t.Run("rpms by a key that is not trusted any more", func(t *testing.T) {
		do(t, r.AddKey())
		next := "GPG_KEY=" + releaser.NextName
		do(t, r.WriteKeys(next))
		do(t, r.Commit("v0.9.0"))
		refused(t, r, `POOL: hapgent\S+\.rpm: not signed by a key of hapgent-archive-keyring.asc`, next, "POOL="+who.Dist())
	})
	t.Run("commit older than what is published", func(t *testing.T) {
		do(t, r.WriteKeys())
		t.Setenv("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
		do(t, r.Git("reset", "--quiet", "--soft", "HEAD~2"))
		do(t, r.Git("commit", "--quiet", "--amend", "--no-edit"))
		do(t, r.Commit("v0.9.0"))
		refused(t, r, `POOL: apt/dists/stable/Release: it is of .*, and the commit of 2026-01-01 .*: apt refuses an index that is older`, "POOL="+who.Dist())
	})
}

// A moved tag is the same version with other bytes. Hosts that have the one would
// never see the other.
func TestMovedTag(t *testing.T) {
	r := successor(t)
	do(t, r.Commit("v"+strings.TrimSpace(string(read(t, r.Tree, "VERSION")))))
	refused(t, r, `POOL: hapgent\S+ was published with other bytes, which hosts would keep: give this release another version`, "POOL="+who.Dist())
}

// A workflow that is run again finds its own release published: it makes the same,
// with the signatures that are in the rpms already.
func TestReleaseMadeAgainStaysAsItIs(t *testing.T) {
	r := successor(t)
	do(t, r.Release("POOL="+who.Dist()))
	for _, name := range files(t, who.Dist()) {
		if strings.HasSuffix(name, ".rpm") || strings.HasSuffix(name, ".deb") {
			if string(read(t, who.Dist(), name)) != string(read(t, r.Dist(), name)) {
				t.Errorf("%s is another now", name)
			}
		}
	}
}

// A pre-release is published beside the release before it; only hosts that ask for it
// get it.
func TestPreReleaseAfterARelease(t *testing.T) {
	r := successor(t)
	version := strings.TrimSpace(string(read(t, r.Tree, "VERSION")))
	const entry = "## [0.9.0-rc1] - 2026-11-27\n\n### Security\n\n- A hole is closed.\n\n"
	changelog := string(read(t, r.Tree, "CHANGELOG.md"))
	write(t, strings.Replace(changelog, "## [", entry+"## [", 1), r.Tree, "CHANGELOG.md")
	do(t, r.Next("0.9.0-rc1"))
	do(t, r.Release("POOL="+who.Dist()))
	for suite, want := range map[string][]string{"stable": {version}, "testing": {version, "0.9.0~rc1"}} {
		text := string(read(t, r.Dist(), "apt", "dists", suite, "main/binary-amd64/Packages"))
		for _, v := range []string{version, "0.9.0~rc1"} {
			if strings.Contains(text, "Version: "+v+"\n") != slices.Contains(want, v) {
				t.Errorf("%s should have %q:\n%s", suite, want, text)
			}
		}
	}
	for _, name := range []string{"apt/pool/hapgent_0.9.0-rc1_amd64.deb", "apt/pool/hapgent_" + version + "_amd64.deb",
		"yum/packages/hapgent-" + version + "-1.x86_64.rpm", "yum/testing/packages/hapgent-0.9.0-rc1-1.x86_64.rpm"} {
		read(t, r.Dist(), name)
	}
	deb := t.TempDir()
	output(t, r.Dist(), "", "dpkg-deb", "--extract", "hapgent_0.9.0-rc1_amd64.deb", deb)
	if got := output(t, deb, "", "zcat", "usr/share/doc/hapgent/changelog.gz"); !strings.HasPrefix(got, "hapgent (0.9.0~rc1) testing; ") {
		t.Error(got)
	}
	if got := output(t, r.Dist(), "", "rpm", "-qp", "--nosignature", "--changelog", "hapgent-0.9.0-rc1-1.x86_64.rpm"); !strings.Contains(got, " 0.9.0~rc1-1\n- A hole") {
		t.Error(got)
	}
	updates, err := filepath.Glob(filepath.Join(r.Dist(), "yum/testing/repodata/*-updateinfo.xml.gz"))
	do(t, err)
	if got := output(t, "", "", "zcat", updates...); !strings.Contains(got, `<update from="hapgent" status="final" type="security"`) || !strings.Contains(got, "A hole is closed.") {
		t.Errorf("%q: %s", updates, got)
	}
	for variable, want := range map[string]string{"POOL=" + who.Dist(): " SSH signatures are good", "POOL=": " packages of other versions are taken as they were published"} {
		out, err := r.Make("verify-release", variable).CombinedOutput()
		if err != nil || !strings.Contains(string(out), " identical, 0 differ\n") || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v\n%s", variable, err, out)
		}
	}
}
