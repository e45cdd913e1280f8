// Package gnupg signs and verifies with OpenPGP keys by gpg and gpgv, which find the
// keys: in a keyring, behind an agent, on a card.
//
// It guarantees that gpgv accepts what Verify accepts, with the keys of the given
// file and no other keys of the user.
package gnupg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Keys are secret keys that gpg has.
type Keys struct {
	home         home
	fingerprints []string // the first makes signatures that must be single
}

// home is a folder of gpg, with a name that is short enough for a socket in it; "" is
// the user's.
type home string

func openHome(path string) (home, error) {
	if path == "" {
		return "", nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	folder, err := os.MkdirTemp("", "gnupg")
	if err != nil {
		return "", err
	}
	short := filepath.Join(folder, "home")
	return home(short), os.Symlink(path, short)
}

// close ends the agent that gpg has started for the folder.
func (h home) close() error {
	if h == "" {
		return nil
	}
	err := exec.Command("gpgconf", "--homedir", string(h), "--kill", "gpg-agent").Run()
	return errors.Join(err, os.RemoveAll(filepath.Dir(string(h))))
}

// Find finds secret keys by their names for gpg, such as a fingerprint or an address,
// in a folder of gpg, "" for the user's.
func Find(ctx context.Context, folder string, names ...string) (*Keys, error) {
	h, err := openHome(folder)
	if err != nil {
		return nil, err
	}
	k := &Keys{home: h}
	for _, name := range names {
		if err := k.find(ctx, name); err != nil {
			return nil, errors.Join(err, k.Close())
		}
	}
	return k, nil
}

func (k *Keys) find(ctx context.Context, name string) error {
	out, err := k.gpg(ctx, nil, "--list-secret-keys", "--with-colons", name)
	if err != nil {
		return fmt.Errorf("gpg has no secret key %q: %w", name, err)
	}
	found := primaryKeys(out)
	if len(found) != 1 {
		return fmt.Errorf("gpg has %d secret keys %q, expected one: name it by its fingerprint", len(found), name)
	}
	if found[0].validity == "e" {
		return fmt.Errorf("OpenPGP key %s has expired: gpg --quick-set-expire extends it", found[0].fingerprint)
	}
	if !strings.Contains(found[0].abilities, "s") {
		return fmt.Errorf("OpenPGP key %s cannot sign itself, only a subkey can, which not every rpm finds: use a key that can sign", found[0].fingerprint)
	}
	k.fingerprints = append(k.fingerprints, found[0].fingerprint)
	return nil
}

// primaryKey is a key itself, without its subkeys.
type primaryKey struct {
	fingerprint string
	validity    string // e: expired
	abilities   string // its own in lower case, such as s for signing
}

// primaryKeys are those of a listing with colons: see DETAILS of GnuPG.
func primaryKeys(listing []byte) (all []primaryKey) {
	var one *primaryKey
	for line := range strings.Lines(string(listing)) {
		switch fields := strings.Split(line, ":"); {
		case (fields[0] == "pub" || fields[0] == "sec") && len(fields) > 11:
			one = &primaryKey{validity: fields[1], abilities: fields[11]}
		case fields[0] == "fpr" && one != nil && len(fields) > 9:
			one.fingerprint = fields[9]
			all, one = append(all, *one), nil
		}
	}
	return all
}

// Fingerprints are those of the keys, in the order in which they were named.
func (k *Keys) Fingerprints() []string { return k.fingerprints }

// Generate makes a key without a passphrase in a folder, which it makes too.
func Generate(ctx context.Context, folder, name string) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	h, err := openHome(folder)
	if err != nil {
		return err
	}
	k := &Keys{home: h}
	// not Ed25519: older releases of rpm cannot verify it
	_, err = k.gpg(ctx, nil, "--passphrase", "", "--quick-generate-key", name, "rsa3072", "sign", "never")
	return errors.Join(err, k.Close())
}

// Close ends what gpg has started for a folder that is not the user's.
func (k *Keys) Close() error { return k.home.close() }

// Export returns the public keys, armored.
func (k *Keys) Export(ctx context.Context) ([]byte, error) {
	return k.gpg(ctx, nil, append([]string{"--armor", "--export-options", "export-minimal", "--export"}, k.fingerprints...)...)
}

// Form is the form of signatures, and by which keys they are.
type Form int

// Forms of signatures, armored except for rpm. rpm and dnf accept exactly one
// signature.
const (
	Clear    Form = iota // below the text, by every key
	Detached             // by every key
	One                  // by the first key
	Binary               // by the first key, in binary, for rpm
)

// Sign returns the signatures of the message, or the message with them.
func (k *Keys) Sign(ctx context.Context, message []byte, form Form) ([]byte, error) {
	keys := k.fingerprints
	if form == One || form == Binary {
		keys = keys[:1]
	}
	args := []string{"--digest-algo", "SHA512"}
	for _, key := range keys {
		args = append(args, "--local-user", key+"!") // without it a subkey would sign, if there is one
	}
	if form != Binary {
		args = append(args, "--armor")
	}
	if form == Clear {
		args = append(args, "--clear-sign")
	} else {
		args = append(args, "--detach-sign")
	}
	out, err := k.gpg(ctx, message, args...)
	if err != nil {
		return nil, fmt.Errorf("signing with OpenPGP key %s: %w", strings.Join(keys, ", "), err)
	}
	return out, nil
}

func (k *Keys) gpg(ctx context.Context, input []byte, args ...string) ([]byte, error) {
	if k.home != "" {
		args = append([]string{"--homedir", string(k.home)}, args...)
	}
	return run(ctx, input, "gpg", append([]string{"--batch", "--quiet"}, args...)...)
}

// run runs a program and returns its output; its standard error is the error.
func run(ctx context.Context, input []byte, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = bytes.NewReader(input)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if words := strings.Join(strings.Fields(complaint.String()), " "); err != nil && words != "" {
		err = fmt.Errorf("%w: %s", err, words)
	}
	return out, err
}

// Ring is a file of public keys that signatures are checked with.
type Ring struct{ path string }

// NewRing makes one of armored public keys, in the directory.
func NewRing(ctx context.Context, armored []byte, directory string) (*Ring, error) {
	binary, err := run(ctx, armored, "gpg", "--batch", "--quiet", "--dearmor")
	if err != nil {
		return nil, fmt.Errorf("not armored OpenPGP keys: %w", err)
	}
	path := filepath.Join(directory, "keyring.gpg")
	return &Ring{path}, os.WriteFile(path, binary, 0o600)
}

// Fingerprints are those of armored public keys. A key whose own signatures use
// SHA-1 is an error: current versions of apt and rpm refuse it.
func Fingerprints(ctx context.Context, armored []byte) (all []string, err error) {
	out, err := run(ctx, armored, "gpg", "--batch", "--quiet", "--show-keys", "--with-colons")
	if err != nil {
		return nil, err
	}
	for _, key := range primaryKeys(out) {
		all = append(all, key.fingerprint)
	}
	if len(all) == 0 {
		return nil, errors.New("no OpenPGP key found")
	}
	packets, err := run(ctx, armored, "gpg", "--batch", "--quiet", "--list-packets")
	if err == nil && bytes.Contains(packets, []byte("digest algo 2,")) {
		err = fmt.Errorf("a key of %s has a signature by SHA-1, which apt refuses since February 2026: sign it anew by SHA-256", strings.Join(all, ", "))
	}
	return all, err
}

// VerifyClear checks a text that has its signature below it.
func (r *Ring) VerifyClear(ctx context.Context, path string) error {
	if _, err := run(ctx, nil, "gpgv", "--quiet", "--keyring", r.path, path); err != nil {
		return fmt.Errorf("gpgv: %w", err)
	}
	return nil
}

// VerifyDetached checks the signature of a message, by gpgv and, if it is installed,
// by sqv, which apt uses since Debian 13 and which is stricter.
func (r *Ring) VerifyDetached(ctx context.Context, signature, message []byte) error {
	file, signed := r.path+".sig", r.path+".message"
	if err := errors.Join(os.WriteFile(file, signature, 0o600), os.WriteFile(signed, message, 0o600)); err != nil {
		return err
	}
	if _, err := run(ctx, nil, "gpgv", "--quiet", "--keyring", r.path, file, signed); err != nil {
		return fmt.Errorf("gpgv: %w", err)
	}
	if _, err := exec.LookPath("sqv"); err != nil {
		return nil
	}
	if _, err := run(ctx, nil, "sqv", "--keyring", r.path, file, signed); err != nil {
		return fmt.Errorf("sqv: %w", err)
	}
	return nil
}
