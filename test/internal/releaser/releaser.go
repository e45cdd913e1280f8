// Package releaser is for tests of a release: a releaser with separate keys, and a
// source tree that allows these keys to sign.
package releaser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/internal/release/gnupg"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// Releaser has a source tree, keys, and a git of their own.
type Releaser struct {
	Directory string // of all that follows
	Tree      string // the source, a commit that has the tag of its version
	Key       string // the SSH key, with Key.pub
	GnuPG     string // gpg's home
}

// Name is the name of the keys in the documents, so that their lines can be run as
// they are written.
const Name = "vladimir@deviant.guru"

// New makes a releaser in a new directory, which Remove removes. The tree is a
// copy of this one.
func New() (*Releaser, error) {
	directory, err := os.MkdirTemp("", "hapgent-releaser")
	if err != nil {
		return nil, err
	}
	r := at(directory)
	for _, step := range []func() error{
		func() error { return os.Chmod(directory, 0o755) },
		r.makeKeys,
		r.makeTree,
	} {
		if err := step(); err != nil {
			r.Remove()
			return nil, err
		}
	}
	return r, nil
}

// Copy is a releaser with copies of the keys, the tree and the releases.
func (r *Releaser) Copy() (*Releaser, error) {
	directory, err := os.MkdirTemp("", "hapgent-releaser")
	if err != nil {
		return nil, err
	}
	err = errors.Join(os.Chmod(directory, 0o755), Run("/", "cp", "--archive", r.Directory+"/.", directory))
	return at(directory), err
}

// Remove removes all of it.
func (r *Releaser) Remove() error {
	_ = exec.Command("gpgconf", "--homedir", r.GnuPG, "--kill", "gpg-agent").Run()
	return os.RemoveAll(r.Directory)
}

func at(directory string) *Releaser {
	return &Releaser{
		Directory: directory, Tree: filepath.Join(directory, "tree"),
		Key: filepath.Join(directory, "key"), GnuPG: filepath.Join(directory, "gnupg"),
	}
}

func (r *Releaser) makeKeys() error {
	if err := Run(r.Directory, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", r.Key); err != nil {
		return err
	}
	return gnupg.Generate(context.Background(), r.GnuPG, Name)
}

func (r *Releaser) makeTree() error {
	if err := os.Mkdir(r.Tree, 0o755); err != nil {
		return err
	}
	here, err := build.Here()
	if err != nil {
		return err
	}
	if err := need.CopyTree(here.Root, r.Tree); err != nil {
		return err
	}
	public, err := os.ReadFile(r.Key + ".pub")
	if err != nil {
		return err
	}
	signers := fmt.Sprintf("%s namespaces=\"file,git\" %s", Name, public)
	if err := os.WriteFile(filepath.Join(r.Tree, "packaging", "allowed_signers"), []byte(signers), 0o644); err != nil {
		return err
	}
	for _, args := range [][]string{{"init", "--quiet", "--initial-branch=main"}, {"config", "core.autocrlf", "false"}} {
		if err := r.Git(args...); err != nil {
			return err
		}
	}
	if err := r.WriteKeys(); err != nil {
		return err
	}
	if err := r.Commit(""); err != nil { // the time of the next is asked for
		return err
	}
	return r.Next(here.Version)
}

// WriteKeys writes the keys into the tree, as the variables say.
func (r *Releaser) WriteKeys(variables ...string) error {
	if out, err := r.Make("keys", variables...).CombinedOutput(); err != nil {
		return fmt.Errorf("make keys: %w\n%s", err, out)
	}
	return nil
}

// Next commits the tree as another version.
func (r *Releaser) Next(version string) error {
	if err := os.WriteFile(filepath.Join(r.Tree, "VERSION"), []byte(version+"\n"), 0o644); err != nil {
		return err
	}
	if out, err := r.Make("role-checksum").CombinedOutput(); err != nil {
		return fmt.Errorf("make role-checksum: %w\n%s", err, out)
	}
	return r.Commit("v" + version)
}

// NextName is what a second OpenPGP key is called, which AddKey makes.
const NextName = "next@deviant.guru"

// AddKey makes a second OpenPGP key.
func (r *Releaser) AddKey() error {
	return Run(r.Directory, "gpg", "--homedir", r.GnuPG, "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", NextName, "rsa3072", "sign", "never")
}

// Publish makes a release of the version, with earlier releases in the folder pool,
// "" for none, and moves it to a folder of the version.
func (r *Releaser) Publish(version, pool string, variables ...string) (dist string, err error) {
	if err := errors.Join(r.Next(version), r.Release(append(variables, "POOL="+pool)...)); err != nil {
		return "", err
	}
	dist = filepath.Join(r.Directory, version)
	return dist, os.Rename(r.Dist(), dist)
}

// Commit commits all of the tree, with a signed tag if that is not "".
func (r *Releaser) Commit(tag string) error {
	if err := r.Git("add", "--all"); err != nil {
		return err
	}
	if err := r.Git("commit", "--quiet", "--allow-empty", "--message", "test"); err != nil || tag == "" {
		return err
	}
	return r.Tag(tag)
}

// Tag signs a tag of the commit, and replaces an existing one.
func (r *Releaser) Tag(tag string, options ...string) error {
	return r.Git(append([]string{"-c", "gpg.format=ssh", "-c", "user.signingKey=" + r.Key, "tag", "--sign", "--force", "--message", tag, tag}, options...)...)
}

// Git runs git in the tree.
func (r *Releaser) Git(args ...string) error {
	return Run(r.Tree, "git", append([]string{"-c", "user.name=test", "-c", "user.email=" + Name, "-c", "commit.gpgsign=false"}, args...)...)
}

// Make is make in the tree, with both keys and what else the variables say.
func (r *Releaser) Make(target string, variables ...string) *exec.Cmd {
	cmd := exec.Command("make", "--no-print-directory", target)
	cmd.Dir = r.Tree
	cmd.Env = append(need.Unmade(), "GNUPGHOME="+r.GnuPG, "GPG_KEY="+Name, "SIGNING_KEY="+r.Key)
	cmd.Env = append(cmd.Env, variables...)
	return cmd
}

// Release makes the release, in Tree/dist.
func (r *Releaser) Release(variables ...string) error {
	if out, err := r.Make("release", variables...).CombinedOutput(); err != nil {
		return fmt.Errorf("make release: %w\n%s", err, out)
	}
	return nil
}

// Dist is where the release is.
func (r *Releaser) Dist() string { return filepath.Join(r.Tree, "dist") }

// Run runs a command that must succeed.
func Run(directory, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = directory
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
