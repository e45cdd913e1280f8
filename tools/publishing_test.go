// Package tools contains the tools that check and publish the project, as a module
// of its own: no release contains any of it.
package tools

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
)

// load reads .goreleaser.yaml as goreleaser does, which refuses unknown keys.
func load(t *testing.T) config.Project {
	t.Helper()
	project, err := config.Load("../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestGoreleaserBuildsNothing(t *testing.T) {
	project := load(t)
	if len(project.Builds) != 1 || project.Builds[0].Skip != "true" {
		t.Errorf("builds %+v, want none", project.Builds)
	}
	if len(project.Archives) != 0 || len(project.NFPMs) != 0 || len(project.Signs) != 0 || len(project.SBOMs) != 0 || !project.Checksum.Disable {
		t.Error("it makes what `make release` has made")
	}
	if project.Dist == "" || project.Dist == "dist" {
		t.Errorf("dist is %q, which goreleaser empties: it must not be that of `make release`", project.Dist)
	}
}

// internal/release has the names of a release's other files, besides programs and
// packages; each must be published, and no repository.
func TestGoreleaserPublishesEveryFile(t *testing.T) {
	var globs []string
	for _, extra := range load(t).Release.ExtraFiles {
		globs = append(globs, extra.Glob)
	}
	published := func(name string) bool {
		return slices.ContainsFunc(globs, func(glob string) bool {
			ok, err := filepath.Match(glob, "dist/"+name)
			return err == nil && ok
		})
	}
	source, err := filepath.Glob("../internal/release/*.go")
	if err != nil || len(source) == 0 {
		t.Fatalf("%q, %v", source, err)
	}
	names := []string{"hapgent", "hapgent-sign-s390x", "hapgent_1_amd64.deb", "hapgent-1-1.x86_64.rpm", "epicfilemcnulty-hapgent-1.tar.gz"}
	for _, path := range source {
		// the names in the collection are of what is in that one file
		if strings.HasSuffix(path, "_test.go") || filepath.Base(path) == "collection.go" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"([\w-]+\.(?:asc|sources|repo|md|tar\.gz|json)|SHA256SUMS|allowed_signers|revoked_keys)"`).FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
	}
	if len(names) < 10 {
		t.Errorf("found the names %q only", names)
	}
	for _, name := range names {
		for _, suffix := range []string{"", ".sha256", ".sig"} {
			if !published(name + suffix) {
				t.Errorf("%s is not published by %q", name+suffix, globs)
			}
		}
	}
	for _, folder := range []string{"apt", "yum"} {
		if published(folder) {
			t.Errorf("%s is published as files", folder)
		}
	}
}

// A failed publication is continued: goreleaser finds the draft by its title, the tag,
// and GitHub accepts one file at a time.
func TestGoreleaserGoesOnWithADraft(t *testing.T) {
	release := load(t).Release
	if !release.UseExistingDraft || !release.ReplaceExistingArtifacts || release.NameTemplate != "{{ .Tag }}" || release.Draft {
		t.Errorf("it makes a release anew: %+v", release)
	}
	script, err := os.ReadFile("bin/publish")
	if err != nil || !strings.Contains(string(script), " --parallelism 1 ") {
		t.Errorf("bin/publish runs %v\n%s", err, script)
	}
}
