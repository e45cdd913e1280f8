package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	rpmutils "github.com/sassoftware/go-rpmutils"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/internal/release/gnupg"
	"github.com/epicfilemcnulty/hapgent/internal/signing/files"
	"github.com/epicfilemcnulty/hapgent/internal/signing/keys"
)

// namespace is the purpose of the files' signatures.
const namespace = "file"

// signatures makes the signatures of a release, each of a file by its path: Keys
// signs, or the signatures of a published release are taken.
type signatures interface {
	// ssh writes the SSH signature and the sum of the file beside it, and returns
	// the sum.
	ssh(path string, o files.Options) (checksum.Sum, error)
	// pgp returns the OpenPGP signatures of an index's text, or the text with them.
	pgp(ctx context.Context, text []byte, of signedIndex) ([]byte, error)
	// rpm returns the OpenPGP signatures of a package that has none: of its header,
	// and of its header and the rest.
	rpm(ctx context.Context, path string) (header, whole []byte, err error)
}

// Keys are the keys of a release, which make its signatures.
type Keys struct {
	identity
	key *keys.Key
	gpg *gnupg.Keys
}

// Close ends the programs that were started for the keys.
func (k *Keys) Close() error { return k.gpg.Close() }

// Snapshot reports whether the keys sign a snapshot and not a release.
func (k *Keys) Snapshot() bool { return k.snapshot }

// Touches reports whether a token must be touched for each of some 60 files.
func (k *Keys) Touches() bool { return keys.IsFIDO(k.key.PublicKey()) }

// Open finds the keys of a release: an SSH key as keys.Open takes it, and
// OpenPGP keys by their names for gpg, separated by blanks. All OpenPGP keys sign
// the index of the apt repository, the first signs the rest. The tree must be that
// of a tag, packaging/allowed_signers must allow the SSH key now, and the keyring
// there must have the OpenPGP keys.
func Open(ctx context.Context, s build.Source, sshKey, pgpKeys string, ask keys.Passphrases) (*Keys, error) {
	if sshKey == "" || strings.TrimSpace(pgpKeys) == "" {
		return nil, errors.New("a release needs two keys, SIGNING_KEY for its files and GPG_KEY for its repositories, and only one is set (without keys a snapshot is made)")
	}
	if err := s.CheckTagged(ctx); err != nil {
		return nil, err
	}
	who, err := readTrusted(s)
	if err != nil {
		return nil, err
	}
	if err := CheckKeys(ctx, s); err != nil {
		return nil, err
	}
	key, err := keys.Open(sshKey, ask)
	if err != nil {
		return nil, fmt.Errorf("SIGNING_KEY: %w", err)
	}
	public, err := pubkey.Parse(key.PublicKey().Marshal())
	if err != nil {
		return nil, err
	}
	if err := who.allows(public); err != nil {
		return nil, fmt.Errorf("SIGNING_KEY: %w", err)
	}
	pgp, err := gnupg.Find(ctx, "", strings.Fields(pgpKeys)...)
	if err != nil {
		return nil, fmt.Errorf("GPG_KEY: %w", err)
	}
	if err := who.pins(ctx, pgp.Fingerprints()); err != nil {
		return nil, fmt.Errorf("GPG_KEY: %w", err)
	}
	return &Keys{who, key, pgp}, nil
}

func (k *Keys) ssh(path string, o files.Options) (checksum.Sum, error) {
	signed, err := files.Sign(k.key, path, o)
	if err != nil {
		return checksum.Sum{}, err
	}
	return signed.Sum, nil
}

func (k *Keys) pgp(ctx context.Context, text []byte, of signedIndex) ([]byte, error) {
	return k.gpg.Sign(ctx, text, of.form)
}

func (k *Keys) rpm(ctx context.Context, path string) (header, whole []byte, err error) {
	signedHeader, signedWhole, _, err := splitRPM(path)
	if err != nil {
		return nil, nil, err
	}
	if header, err = k.gpg.Sign(ctx, signedHeader, gnupg.Binary); err != nil {
		return nil, nil, err
	}
	whole, err = k.gpg.Sign(ctx, signedWhole, gnupg.Binary)
	return header, whole, err
}

// splitRPM returns the two parts of an rpm that are signed.
func splitRPM(path string) (header, whole []byte, parsed *rpmutils.RpmHeader, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, nil, err
	}
	parsed, err = rpmutils.ReadHeader(bytes.NewReader(content))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%q: %w", path, err)
	}
	extent := parsed.GetRange()
	if extent.End > len(content) {
		return nil, nil, nil, fmt.Errorf("%q ends within its header", path)
	}
	return content[extent.Start:extent.End], content[extent.Start:], parsed, nil
}
