package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/allowedsigners"
	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/internal/release/gnupg"
)

// Site is where the repositories are published, with the files that install them.
const Site = "https://epicfilemcnulty.github.io/hapgent"

// Files of the keys.
const (
	allowedSignersFile = "allowed_signers"
	revokedKeysFile    = "revoked_keys"
	keyringFile        = "hapgent-archive-keyring.asc"
)

// snapshotSigner is the name of those who sign what is not a release.
const snapshotSigner = "snapshot"

// identity is whose signatures a release has.
type identity struct {
	snapshot       bool
	allowedSigners []byte // the file
	revoked        []byte // the file of keys that are not to be trusted any more, nil where there is none
	keyring        []byte // armored OpenPGP keys
}

// label is what a repository calls itself.
func (i identity) label() string {
	if i.snapshot {
		return "hapgent snapshot"
	}
	return "hapgent"
}

// readSigners reads who the tree says may sign releases, and which keys may not.
func (i *identity) readSigners(s build.Source) (err error) {
	folder := filepath.Join(s.Root, "packaging")
	if i.allowedSigners, err = os.ReadFile(filepath.Join(folder, allowedSignersFile)); err != nil {
		return err
	}
	i.revoked, err = optional(filepath.Join(folder, revokedKeysFile))
	return err
}

// optional reads a file that may not be there.
func optional(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// writeKeys writes the keys that the release is verified with, and what tells apt
// and dnf of the repositories.
func (p *plan) writeKeys(ctx context.Context, directory string) error {
	security, err := p.security(ctx)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		allowedSignersFile: p.allowedSigners,
		keyringFile:        p.keyring,
		"SECURITY.md":      security,
		"hapgent.sources":  []byte(p.sources()),
		"hapgent.repo":     []byte(p.repo()),
	}
	if p.revoked != nil {
		files[revokedKeysFile] = p.revoked
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(directory, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) sources() string {
	return fmt.Sprintf(`# %s
Types: deb
URIs: %s/%s
Suites: stable
Components: main
Signed-By: /etc/apt/keyrings/%s
`, p.label(), Site, aptFolder, keyringFile)
}

func (p *plan) repo() string {
	return fmt.Sprintf(`[hapgent]
name=%s
baseurl=%s/%s
enabled=1
gpgcheck=1
repo_gpgcheck=1
gpgkey=%[2]s/%[4]s
`, p.label(), Site, yumFolder, keyringFile)
}

// keysPlaceholder is where SECURITY.md has the keys of a release.
const keysPlaceholder = "(the keys stand here in the copy of this file that a release has)\n"

// security is SECURITY.md with the fingerprints of the keys.
func (p *plan) security(ctx context.Context) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(p.Root, "SECURITY.md"))
	if err != nil {
		return nil, err
	}
	if bytes.Count(text, []byte(keysPlaceholder)) != 1 {
		return nil, fmt.Errorf("SECURITY.md must have one line %q", keysPlaceholder)
	}
	var keys strings.Builder
	for _, signer := range allowedsigners.Parse(p.allowedSigners).Signers() {
		fmt.Fprintf(&keys, "SSH      %s  %s %s\n", signer.Principals, signer.Key.Type(), signer.Key.Fingerprint())
	}
	fingerprints, err := gnupg.Fingerprints(ctx, p.keyring)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyringFile, err)
	}
	for _, fingerprint := range fingerprints {
		fmt.Fprintf(&keys, "OpenPGP  %s  %s\n", p.label(), fingerprint)
	}
	return bytes.Replace(text, []byte(keysPlaceholder), []byte(keys.String()), 1), nil
}
