package build

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Tag is the name that git has for the version.
func (s Source) Tag() string { return "v" + s.Version }

// CheckTagged says whether the tree is what the tag of its version names, and
// nothing else: that is what others can check out and build.
func (s Source) CheckTagged(ctx context.Context) error {
	changes, err := s.git(ctx, "status", "--porcelain")
	if err != nil {
		return fmt.Errorf("a release is made of a git tree: %w", err)
	}
	if first, rest, _ := strings.Cut(changes, "\n"); first != "" {
		return fmt.Errorf("the tree is not that of a commit, %q and %d more: commit or stash what is changed", first, strings.Count(rest, "\n"))
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
