// Package releaser is for tests of a release: a releaser with keys of their own,
// and a source tree that allows them to sign.
package releaser

import (
	"context"
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

// Name is what the keys are called: as the documents have it, so that what they
// say can be run as it is written.
const Name = "vladimir@deviant.guru"

// New makes a releaser in a new directory, which Remove removes. The tree is a
// copy of this one, of another version if that is not "".
func New(version string) (*Releaser, error) {
	directory, err := os.MkdirTemp("", "hapgent-releaser")
	if err != nil {
		return nil, err
	}
	r := &Releaser{
		Directory: directory, Tree: filepath.Join(directory, "tree"),
		Key: filepath.Join(directory, "key"), GnuPG: filepath.Join(directory, "gnupg"),
	}
	for _, step := range []func() error{
		func() error { return os.Chmod(directory, 0o755) },
		r.makeKeys,
		func() error { return r.makeTree(version) },
	} {
		if err := step(); err != nil {
			r.Remove()
			return nil, err
		}
	}
	return r, nil
}

// Remove removes all of it.
func (r *Releaser) Remove() error {
	_ = exec.Command("gpgconf", "--homedir", r.GnuPG, "--kill", "gpg-agent").Run()
	return os.RemoveAll(r.Directory)
}

func (r *Releaser) makeKeys() error {
	if err := Run(r.Directory, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", r.Key); err != nil {
		return err
	}
	return gnupg.Generate(context.Background(), r.GnuPG, Name)
}

func (r *Releaser) makeTree(version string) error {
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
	if version == "" {
		version = here.Version
	}
	public, err := os.ReadFile(r.Key + ".pub")
	if err != nil {
		return err
	}
	for file, text := range map[string]string{
		"VERSION":                   version + "\n",
		"packaging/allowed_signers": fmt.Sprintf("%s namespaces=\"file\" %s", Name, public),
	} {
		if err := os.WriteFile(filepath.Join(r.Tree, file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, args := range [][]string{{"init", "--quiet"}, {"config", "core.autocrlf", "false"}} {
		if err := r.Git(args...); err != nil {
			return err
		}
	}
	return r.Commit("v" + version)
}

// Commit commits all of the tree, with a tag if that is not "".
func (r *Releaser) Commit(tag string) error {
	if err := r.Git("add", "--all"); err != nil {
		return err
	}
	if err := r.Git("commit", "--quiet", "--message", "test"); err != nil || tag == "" {
		return err
	}
	return r.Git("tag", "--force", tag)
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
