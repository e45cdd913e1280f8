package repository

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/gnupg"
	"github.com/epicfilemcnulty/hapgent/test/internal/built"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

func onDebian(t *testing.T, try func(t *testing.T, h *lab.Host)) {
	need.Superuser(t)
	for _, suite := range lab.Suites {
		t.Run(suite.Name, func(t *testing.T) {
			h := hosts.Host(t, suite.Name, lab.Server)
			web.connect(t, h)
			try(t, h)
		})
	}
}

// What is refused from a repository that was tampered with is accepted from the
// correct one.
func TestTamperedAptRepository(t *testing.T) {
	const update = "rm -rf /var/lib/apt/lists/* && apt-get update -o APT::Update::Error-Mode=any"
	const packages = "apt/dists/stable/main/binary-" // and the architecture
	here := built.Here().Debian
	onDebian(t, func(t *testing.T, h *lab.Host) {
		web.publish(t, h, who.Dist())
		by := aptOn(h.Suite)
		by.add(t, h)
		h.Run(update)
		t.Run("deb changed", func(t *testing.T) {
			dist := copyOfDist(t)
			change(t, built.Deb(filepath.Join(dist, "apt/pool"), "hapgent", version))
			web.publish(t, h, dist)
			h.Run(update)
			refuses(t, h, "apt-get install -y hapgent", "Hash Sum mismatch", "SHA256:")
		})
		t.Run("Packages changed", func(t *testing.T) {
			dist := copyOfDist(t)
			change(t, dist, packages+here, "Packages*")
			change(t, dist, packages+here, "by-hash/SHA256/*")
			web.publish(t, h, dist)
			refuses(t, h, update, "Hash Sum mismatch")
			refuses(t, h, "apt-get install -y hapgent", "Unable to locate package hapgent")
		})
		t.Run("InRelease changed", func(t *testing.T) {
			dist := copyOfDist(t)
			path := filepath.Join(dist, "apt/dists/stable/InRelease")
			text, err := os.ReadFile(path)
			do(t, err)
			do(t, os.WriteFile(path, []byte(strings.Replace(string(text), "Origin: hapgent", "Origin: Hapgent", 1)), 0o644))
			web.publish(t, h, dist)
			refuses(t, h, update, "is not signed", signatureIsBad[h.Suite])
			refuses(t, h, "apt-get install -y hapgent", "Unable to locate package hapgent")
		})
		t.Run("signature taken away", func(t *testing.T) {
			dist := copyOfDist(t)
			for _, name := range []string{"InRelease", "Release.gpg"} {
				do(t, os.Remove(filepath.Join(dist, "apt/dists/stable", name)))
			}
			web.publish(t, h, dist)
			refuses(t, h, update, "is not signed")
			refuses(t, h, "apt-get install -y hapgent", "Unable to locate package hapgent")
		})
		t.Run("key swapped", func(t *testing.T) {
			dist := copyOfDist(t)
			index := filepath.Join(dist, "apt/dists/stable/Release")
			text, err := os.ReadFile(index)
			do(t, err)
			signed, err := keys(t, withKey(t)).Sign(t.Context(), text, gnupg.Clear)
			do(t, err)
			do(t, os.WriteFile(filepath.Join(filepath.Dir(index), "InRelease"), signed, 0o644))
			web.publish(t, h, dist)
			refuses(t, h, update, "is not signed", keyIsUnknown[h.Suite])
			refuses(t, h, "apt-get install -y hapgent", "Unable to locate package hapgent")
		})
		if h.Status("dpkg -s hapgent") == 0 {
			t.Error("hapgent was installed")
		}
		web.publish(t, h, who.Dist())
		by.install(t, h)
		h.UntilAnswers("FAIL", "9777")
		h.Run("apt-get install hapgent-tools </dev/null && hapgent-verify --version")
		if policy := h.Run("apt-cache policy hapgent"); !strings.Contains(policy, "https://epicfilemcnulty.github.io/hapgent/apt stable/main") {
			t.Error(policy)
		}
	})
}

// The lines of the README are enough where there is no curl and no certificate, where
// root has umask 077, and where /tmp runs nothing; by hand it takes openssh-client too.
func TestReadmeOnASmallHost(t *testing.T) {
	need.Superuser(t)
	for _, suite := range []string{"bullseye", "forky"} {
		t.Run(suite, func(t *testing.T) {
			h := hosts.Host(t, suite, lab.Small)
			if there := h.Run("for c in curl ssh-keygen update-ca-certificates man crond; do command -v $c || true; done"); there != "" {
				t.Fatalf("a small host has\n%s", there)
			}
			h.Write("/etc/apt/sources.list.d/debian.list", "deb [trusted=yes] file:/srv/mirror ./\n")
			h.Run("mount -t tmpfs -o noexec,mode=1777 none /tmp; apt-get update")
			web.introduce(h)
			web.publish(t, h, who.Dist())
			aptOn(suite).install(t, h)
			h.UntilAnswers("FAIL", "9777")
			h.Run("apt-get purge -y hapgent; apt-get install -y openssh-client </dev/null")
			install(t, h, "By hand")
			if got := h.Run("/usr/local/sbin/hapgent --version"); got != "hapgent "+version+"\n" {
				t.Errorf("installed is %q", got)
			}
		})
	}
}

// Debian 11's apt, and 12's, ask gpgv, those of 13 and 14 ask sqv.
var (
	signatureIsBad = map[string]string{"bullseye": "BADSIG", "bookworm": "BADSIG", "trixie": "sqv returned an error code", "forky": "sqv returned an error code"}
	keyIsUnknown   = map[string]string{"bullseye": "NO_PUBKEY", "bookworm": "NO_PUBKEY", "trixie": "Missing key", "forky": "Missing key"}
)
