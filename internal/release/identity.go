package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/allowedsigners"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/internal/release/gnupg"
	"github.com/epicfilemcnulty/hapgent/internal/release/repository"
)

// Site is the URL of the repositories, and of the files that install them.
const Site = "https://epicfilemcnulty.github.io/hapgent"

// Files of the keys.
const (
	allowedSignersFile = "allowed_signers"
	revokedKeysFile    = "revoked_keys"
	keyringFile        = "hapgent-archive-keyring.asc"
	securityFile       = "SECURITY.md"
	repoFile           = "hapgent.repo"
)

// snapshotSigner is the name of the signer of snapshots.
const snapshotSigner = "snapshot"

// identity names the signers of a release.
type identity struct {
	snapshot       bool
	allowedSigners []byte // the file
	revoked        []byte // the file of revoked keys, nil if there is none
	keyring        []byte // armored OpenPGP keys
}

// label is the name of a repository for users.
func (i identity) label() string {
	if i.snapshot {
		return "hapgent snapshot"
	}
	return "hapgent"
}

// readTrusted reads the keys in the tree: those that may sign releases, those that
// are revoked, and those by which hosts trust the repositories.
func readTrusted(s build.Source) (i identity, err error) {
	folder := filepath.Join(s.Root, "packaging")
	if i.allowedSigners, err = os.ReadFile(filepath.Join(folder, allowedSignersFile)); err != nil {
		return i, err
	}
	if i.revoked, err = optional(filepath.Join(folder, revokedKeysFile)); err != nil {
		return i, err
	}
	i.keyring, err = optional(filepath.Join(folder, keyringFile))
	return i, err
}

// pins checks that hosts trust repositories that these OpenPGP keys sign.
func (i identity) pins(ctx context.Context, keys []string) error {
	if i.keyring == nil {
		return fmt.Errorf("packaging/%s is missing, by which hosts trust the repositories: `make keys` writes it", keyringFile)
	}
	pinned, err := gnupg.Fingerprints(ctx, i.keyring)
	if err != nil {
		return fmt.Errorf("packaging/%s: %w", keyringFile, err)
	}
	for _, key := range keys {
		if !slices.Contains(pinned, key) {
			return fmt.Errorf("the OpenPGP key %s is not in packaging/%s, by which hosts trust the repositories: `make keys` writes it", key, keyringFile)
		}
	}
	return nil
}

// allows checks that users accept the key's signatures now.
func (i identity) allows(key *pubkey.Key) error {
	_, err := allowedsigners.Parse(i.allowedSigners).Find(allowedsigners.Query{Key: key, Namespace: namespace, Time: time.Now(), AnyIdentity: true})
	if err != nil {
		return fmt.Errorf("the key %s must be allowed by packaging/%s, which users verify with: %w", key.Fingerprint(), allowedSignersFile, err)
	}
	if i.revoked == nil {
		return nil
	}
	if err := allowedsigners.NewRevocations(i.revoked).Check(key); err != nil {
		return fmt.Errorf("packaging/%s: %w", revokedKeysFile, err)
	}
	return nil
}

// optional reads a file that may be missing.
func optional(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// writeKeys writes the keys that verify the release, and the files that tell apt and
// dnf of the repositories.
func (p *plan) writeKeys(ctx context.Context, directory string) error {
	security, err := p.security(ctx, p.Source)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		allowedSignersFile: p.allowedSigners,
		keyringFile:        p.keyring,
		securityFile:       security,
		"hapgent.sources":  []byte(p.sources()),
		repoFile:           []byte(p.repo()),
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

// repo has the keys where the package hapgent-repository keeps them up to date.
func (p *plan) repo() string {
	const section = `[%s]
name=%s
baseurl=%s/%s
enabled=%d
gpgcheck=1
repo_gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-hapgent
`
	return fmt.Sprintf(section, "hapgent", p.label(), Site, yumFolder, 1) + "\n" +
		fmt.Sprintf(section, "hapgent-testing", p.label()+", pre-releases", Site, filepath.Join(yumFolder, repository.Testing), 0)
}

// keysBlock is the part of SECURITY.md with the fingerprints of the keys.
var keysBlock = regexp.MustCompile("(?s)<!-- keys -->\n```text\n.*?```\n")

// security is SECURITY.md with the fingerprints of the keys, as a release must have
// it.
func (i identity) security(ctx context.Context, s build.Source) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(s.Root, securityFile))
	if err != nil {
		return nil, err
	}
	if len(keysBlock.FindAll(text, -1)) != 1 {
		return nil, fmt.Errorf("%s must have one place for keys, a block of text after <!-- keys -->", securityFile)
	}
	var keys strings.Builder
	for _, signer := range allowedsigners.Parse(i.allowedSigners).Signers() {
		fmt.Fprintf(&keys, "SSH      %s  %s %s\n", signer.Principals, signer.Key.Type(), signer.Key.Fingerprint())
	}
	var fingerprints []string
	if i.keyring != nil {
		if fingerprints, err = gnupg.Fingerprints(ctx, i.keyring); err != nil {
			return nil, fmt.Errorf("%s: %w", keyringFile, err)
		}
	}
	for _, fingerprint := range fingerprints {
		fmt.Fprintf(&keys, "OpenPGP  %s  %s\n", i.label(), fingerprint)
	}
	return keysBlock.ReplaceAllLiteral(text, []byte("<!-- keys -->\n```text\n"+keys.String()+"```\n")), nil
}

// copies are the files of the tree that `make keys` makes from the keys in packaging,
// by their paths; nil is a file that must not exist.
func (i identity) copies(ctx context.Context, s build.Source) (map[string][]byte, error) {
	security, err := i.security(ctx, s)
	return map[string][]byte{
		securityFile: security,
		roleFolder + "/files/" + allowedSignersFile: i.allowedSigners,
		roleFolder + "/files/" + keyringFile:        i.keyring,
	}, err
}

// CheckKeys checks that SECURITY.md and the role have the keys that are in packaging.
func CheckKeys(ctx context.Context, s build.Source) error {
	i, err := readTrusted(s)
	if err != nil {
		return err
	}
	copies, err := i.copies(ctx, s)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(copies)) {
		if found, err := optional(filepath.Join(s.Root, name)); err != nil || !bytes.Equal(found, copies[name]) {
			return errors.Join(err, fmt.Errorf("%s does not have the keys that are in packaging: `make keys` writes them", name))
		}
	}
	return nil
}

// WriteKeys writes the OpenPGP keys with the given names for gpg, separated by
// blanks, into the tree, if there are any, and writes the copies of all keys.
func WriteKeys(ctx context.Context, s build.Source, pgpKeys string) error {
	if names := strings.Fields(pgpKeys); len(names) > 0 {
		pgp, err := gnupg.Find(ctx, "", names...)
		if err != nil {
			return fmt.Errorf("GPG_KEY: %w", err)
		}
		keyring, err := pgp.Export(ctx)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.Root, "packaging", keyringFile), keyring, 0o644); err != nil {
			return err
		}
	}
	i, err := readTrusted(s)
	if err != nil {
		return err
	}
	copies, err := i.copies(ctx, s)
	if err != nil {
		return err
	}
	for name, text := range copies {
		path := filepath.Join(s.Root, name)
		if text == nil {
			err = os.RemoveAll(path)
		} else {
			err = os.WriteFile(path, text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
