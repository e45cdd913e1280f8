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

// namespace is what the signatures of files are for.
const namespace = "file"

// signatures are those that a release has, each of a file by its path. They are
// made by Keys, or taken from what was published.
type signatures interface {
	// ssh writes what stands beside the file, its SSH signature and its sum, and
	// returns the sum.
	ssh(path string, o files.Options) (checksum.Sum, error)
	// pgp are the OpenPGP signatures of an index's text, or it with them.
	pgp(ctx context.Context, text []byte, of signedIndex) ([]byte, error)
	// rpm are the OpenPGP signatures of a package that has none: of its header, and
	// of its header and what follows.
	rpm(ctx context.Context, path string) (header, whole []byte, err error)
}

// Keys are those that a release is signed with. They make its signatures.
type Keys struct {
	identity
	key *keys.Key
	gpg *gnupg.Keys
}

// Close ends what was started to reach the keys.
func (k *Keys) Close() error { return k.gpg.Close() }

// Snapshot says whether what the keys sign is no release.
func (k *Keys) Snapshot() bool { return k.snapshot }

// Touches says whether a token wants to be touched, for each of some 60 files.
func (k *Keys) Touches() bool { return keys.IsFIDO(k.key.PublicKey()) }

// Open finds the keys of a release: an SSH key as keys.Open takes it, and
// OpenPGP keys by what gpg knows them by, separated by blanks. Every one of those
// signs the index of the apt repository, the first all else. The release must be
// that of a tagged tree, the SSH key be allowed by packaging/allowed_signers now,
// and the OpenPGP keys be in the keyring there.
func Open(ctx context.Context, s build.Source, sshKey, pgpKeys string, ask keys.Passphrases) (*Keys, error) {
	if sshKey == "" || strings.TrimSpace(pgpKeys) == "" {
		return nil, errors.New("a release takes two keys, SIGNING_KEY for its files and GPG_KEY for its repositories, and only one is set (with none a snapshot is made)")
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

// splitRPM returns what the two signatures of an rpm are of.
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
