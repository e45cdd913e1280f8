package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// maxKeyFile is the largest key file that ssh reads, in bytes.
const maxKeyFile = 1 << 20

// keyFile is a key file as it was read, before any passphrase.
type keyFile struct {
	path    string
	private bool
	data    []byte        // of a private key file
	public  ssh.PublicKey // nil where a private key file hides it
}

func readKeyFile(path string) (*keyFile, error) {
	data, info, err := readLimited(path)
	if err != nil {
		return nil, err
	}
	file := &keyFile{path: path, data: data, private: bytes.Contains(data, []byte("PRIVATE KEY-----"))}
	if file.private {
		if err := checkUnreadableByOthers(path, info); err != nil {
			return nil, err
		}
		file.public = publicHalf(data)
		return file, nil
	}
	if file.public, err = parsePublicFile(data); err != nil {
		return nil, fmt.Errorf("%q is neither a private key nor an OpenSSH public key file", path)
	}
	return file, nil
}

func readLimited(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("key: %w", err)
	}
	if info.IsDir() {
		return nil, nil, fmt.Errorf("key %q is a directory", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("key: %w", err)
	}
	if len(data) > maxKeyFile {
		return nil, nil, fmt.Errorf("key %q is too large for a key file (limit 1 MiB)", path)
	}
	return data, info, nil
}

// checkUnreadableByOthers is ssh's rule: the mode of a key file counts if the file
// is the user's own.
func checkUnreadableByOthers(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(stat.Uid) == os.Getuid() && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("private key %q can be read by others (mode %04o): chmod 600 it, and consider who may have copied it", path, info.Mode().Perm())
	}
	return nil
}

// publicHalf reads the public key that OpenSSH's format of private keys has
// in the clear, see PROTOCOL.key; nil where data is of another format.
func publicHalf(data []byte) ssh.PublicKey {
	c, err := readContainer(data)
	if err != nil {
		return nil
	}
	key, err := parsePublic(c.Public)
	if err != nil {
		return nil
	}
	return key
}

// openPrivate opens a private key file. If that takes a passphrase or a FIDO token,
// it asks the agent first, which may have the key already.
func (f *keyFile) openPrivate(ask Passphrases) (*Key, error) {
	if f.public != nil && IsFIDO(f.public) {
		return f.openFIDO()
	}
	private, err := f.parse(nil)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		if key, err := openAgent(f.public); err == nil {
			return key, nil
		}
		private, err = f.decrypt(ask)
	}
	if err != nil {
		return nil, fmt.Errorf("private key %q: %w", f.path, explain(err))
	}
	key, err := newFileKey(private)
	if err != nil {
		return nil, fmt.Errorf("private key %q makes no signatures that verify: %w", f.path, err)
	}
	return key, nil
}

func (f *keyFile) openFIDO() (*Key, error) {
	key, err := openAgent(f.public)
	if err != nil {
		return nil, fmt.Errorf("the private half of %q is on a FIDO token, which is reached through the ssh-agent (ssh-add KEY): %w", f.path, err)
	}
	return key, nil
}

// openPublic finds the private half of a public key as ssh-keygen -Y sign
// does: in the agent, then in the file of the same name without ".pub".
func (f *keyFile) openPublic(ask Passphrases) (*Key, error) {
	key, agentErr := openAgent(f.public)
	if agentErr == nil {
		return key, nil
	}
	private, err := readKeyFile(privatePath(f.path))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !private.private {
		return nil, fmt.Errorf("no private half for public key %q: %w; nor is there a private key file beside it", f.path, agentErr)
	}
	if err != nil {
		return nil, err
	}
	key, err = private.openPrivate(ask)
	if err != nil {
		return nil, err
	}
	return key.as(f.public, private.path)
}

// privatePath is where ssh-keygen looks for the private half of a public key.
func privatePath(public string) string {
	for _, suffix := range []string{"-cert.pub", ".pub"} {
		if path, ok := strings.CutSuffix(public, suffix); ok {
			return path
		}
	}
	return public
}
