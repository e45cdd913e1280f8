package release

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/internal/release/gnupg"
	"github.com/epicfilemcnulty/hapgent/internal/signing/keys"
)

const snapshotName = "hapgent snapshot (a throw-away key)"

// OpenSnapshot finds keys that nobody trusts, in the folder run of the tree, and
// makes them if they are missing.
func OpenSnapshot(ctx context.Context, s build.Source) (*Keys, error) {
	folder := filepath.Join(s.Root, "run", "snapshot-keys")
	if _, err := os.Stat(folder); os.IsNotExist(err) {
		if err := makeSnapshotKeys(ctx, folder); err != nil {
			return nil, fmt.Errorf("making throw-away keys: %w", err)
		}
	}
	key, err := keys.Open(filepath.Join(folder, "ssh"), nil)
	if err != nil {
		return nil, err
	}
	pgp, err := gnupg.Find(ctx, filepath.Join(folder, "gnupg"), snapshotName)
	if err != nil {
		return nil, err
	}
	keyring, err := pgp.Export(ctx)
	if err != nil {
		return nil, errors.Join(err, pgp.Close())
	}
	list := fmt.Appendf(nil, "%s namespaces=\"%s\" %s", snapshotSigner, namespace, ssh.MarshalAuthorizedKey(key.PublicKey()))
	return &Keys{identity{snapshot: true, allowedSigners: list, keyring: keyring}, key, pgp}, nil
}

// makeSnapshotKeys makes the folder, whole: of two calls at the same time the result
// of the first stays.
func makeSnapshotKeys(ctx context.Context, folder string) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	aside, err := os.MkdirTemp(filepath.Dir(folder), "snapshot-keys-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, snapshotName)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(aside, "ssh"), pem.EncodeToMemory(block), 0o600); err != nil {
		return err
	}
	if err := gnupg.Generate(ctx, filepath.Join(aside, "gnupg"), snapshotName); err != nil {
		return err
	}
	if err := os.Rename(aside, folder); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
