package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Tag is the name that git has for the version.
func (s Source) Tag() string { return "v" + s.Version }

// CheckTagged checks that the tree is exactly the tag of its version, which others
// can check out and build. The tag must be signed by an allowed signer of releases,
// the commit be on the branch main, and its time be past, since apt refuses an index
// of the future.
func (s Source) CheckTagged(ctx context.Context) error {
	if err := s.checkTree(ctx); err != nil {
		return err
	}
	const signers, revoked = "packaging/allowed_signers", "packaging/revoked_keys"
	options := []string{"-c", "gpg.ssh.allowedSignersFile=" + signers}
	if _, err := os.Stat(filepath.Join(s.Root, revoked)); err == nil {
		options = append(options, "-c", "gpg.ssh.revocationFile="+revoked)
	}
	if _, err := s.git(ctx, append(options, "verify-tag", s.Tag())...); err != nil {
		return fmt.Errorf("tag %s must be signed by a key that %s allows for git (git tag -s, with gpg.format=ssh): %w", s.Tag(), signers, err)
	}
	for _, branch := range []string{"refs/remotes/origin/main", "refs/heads/main"} {
		if _, err := s.git(ctx, "rev-parse", "--verify", "--quiet", branch); err != nil {
			continue
		}
		if _, err := s.git(ctx, "merge-base", "--is-ancestor", "HEAD", branch); err != nil {
			return fmt.Errorf("the commit of %s is not in %s: only reviewed commits are released", s.Tag(), branch)
		}
		t, err := s.Time(ctx)
		if err == nil && time.Until(t) > 0 {
			return fmt.Errorf("the commit is of %s, ahead of the clock here: for apt the index would not be valid yet", t)
		}
		return err
	}
	return errors.New("there is no branch main, here or in origin, that could contain the commit")
}

func (s Source) checkTree(ctx context.Context) error {
	// git would answer for a repository around this folder
	if _, err := os.Stat(filepath.Join(s.Root, RecordFile)); err == nil {
		return fmt.Errorf("this is a source tarball, with %s, and cannot be compared with tag %s here: make the release in a clone, or a snapshot without keys", RecordFile, s.Tag())
	}
	changes, err := s.git(ctx, "status", "--porcelain")
	if err != nil {
		return fmt.Errorf("a release is made of a git tree: %w", err)
	}
	if first, rest, _ := strings.Cut(changes, "\n"); first != "" {
		return fmt.Errorf("the tree differs from its commit, %q and %d more: commit or stash the changes", first, strings.Count(rest, "\n"))
	}
	out, err := s.git(ctx, "tag", "--points-at", "HEAD")
	if err != nil {
		return err
	}
	tags := strings.Fields(out)
	if slices.Contains(tags, s.Tag()) {
		return nil
	}
	if len(tags) == 0 {
		return fmt.Errorf("VERSION is %s, and the commit has no tag: expected %s", s.Version, s.Tag())
	}
	return fmt.Errorf("VERSION is %s, and the tag of the commit is %s: expected %s", s.Version, strings.Join(tags, ", "), s.Tag())
}
