package repository

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/built"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

func onDebian(t *testing.T, try func(t *testing.T, h *lab.Host)) {
	need.Superuser(t)
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			h := hosts.Host(t, suite, lab.Server)
			web.connect(t, h)
			try(t, h)
		})
	}
}

func TestAptInstalls(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		web.publish(t, h, who.Dist())
		install(t, h, "With apt")
		if got := h.Run("hapgent --version"); got != "hapgent "+version+"\n" {
			t.Fatalf("installed is %q", got)
		}
		h.UntilAnswers("FAIL", "9777")
		h.Run("apt-get install hapgent-tools </dev/null && hapgent-verify --version")
		if policy := h.Run("apt-cache policy hapgent"); !strings.Contains(policy, "https://epicfilemcnulty.github.io/hapgent/apt stable/main") {
			t.Error(policy)
		}
	})
}

func TestTamperedAptRepository(t *testing.T) {
	const update = "rm -rf /var/lib/apt/lists/* && apt-get update -o APT::Update::Error-Mode=any"
	const packages = "apt/dists/stable/main/binary-" // and the architecture
	here := built.Here().Debian
	onDebian(t, func(t *testing.T, h *lab.Host) {
		web.publish(t, h, who.Dist())
		add := lines(t, "With apt")
		add = add[:len(add)-2] // all but the installation
		for _, c := range add {
			h.Run(c.Text)
		}
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
		t.Run("key swapped", func(t *testing.T) {
			mallory, err := releaser.New()
			do(t, err)
			defer mallory.Remove()
			dist := copyOfDist(t)
			index := filepath.Join(dist, "apt/dists/stable/Release")
			text, err := os.ReadFile(index)
			do(t, err)
			signed, err := keys(t, mallory).ClearSign(t.Context(), text)
			do(t, err)
			do(t, os.WriteFile(filepath.Join(filepath.Dir(index), "InRelease"), signed, 0o644))
			web.publish(t, h, dist)
			refuses(t, h, update, "is not signed", keyIsUnknown[h.Suite])
			refuses(t, h, "apt-get install -y hapgent", "Unable to locate package hapgent")
		})
		if h.Status("dpkg -s hapgent") == 0 {
			t.Error("hapgent was installed")
		}
	})
}

// Debian 12's apt asks gpgv, Debian 13's asks sqv.
var (
	signatureIsBad = map[string]string{"bookworm": "BADSIG", "trixie": "sqv returned an error code"}
	keyIsUnknown   = map[string]string{"bookworm": "NO_PUBKEY", "trixie": "Missing key"}
)
