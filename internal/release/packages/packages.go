// Package packages makes the .deb and .rpm packages that packaging/nfpm.yaml
// defines.
//
// It guarantees, to whoever rebuilds a release, that the bytes depend on the
// source and its commit alone; and to administrators, that a package has exactly
// the contents and the modes of the definition.
package packages

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// target is a package of one format for one architecture.
type target struct {
	document     string // of the definition
	format       format
	architecture build.Architecture
	files        map[string][]byte // contents of a package for all architectures
}

// Targets are all packages for the architecture, of every format.
func Targets(s build.Source, a build.Architecture) ([]build.Target, error) {
	return targets(s, target{architecture: a})
}

// Common are the packages for all architectures, of the files by their names.
func Common(s build.Source, files map[string][]byte) ([]build.Target, error) {
	return targets(s, target{architecture: build.Architecture{GOARCH: "all", Debian: "all", RPM: "noarch"}, files: files})
}

// targets are the packages of each format for which the document has a section.
func targets(s build.Source, one target) (all []build.Target, err error) {
	definition, err := os.ReadFile(filepath.Join(s.Root, "packaging", "nfpm.yaml"))
	if err != nil {
		return nil, err
	}
	for one.document = range strings.SplitSeq(string(definition), "\n---\n") {
		if strings.Contains(one.document, "\narch: all\n") != (one.files != nil) {
			continue
		}
		for _, one.format = range formats {
			if strings.Contains(one.document, "\n"+one.format.name+":\n") {
				all = append(all, build.Target{Name: one.name(), Build: one.build})
			}
		}
	}
	return all, nil
}

func (t target) name() string {
	name, _, _ := strings.Cut(t.document[strings.Index(t.document, "name: ")+len("name: "):], "\n")
	return fmt.Sprintf("%s of %s for %s", t.format.name, name, t.format.architecture(t.architecture))
}

// fileName is the name that is usual for the format, without its tilde: see
// build.PackageVersion.
func fileName(packager nfpm.Packager, info *nfpm.Info) string {
	return strings.ReplaceAll(packager.ConventionalFileName(info), "~", "-")
}

func (t target) build(ctx context.Context, w *build.Workshop, directory string) error {
	built, err := prepare(ctx, w, t)
	if err != nil {
		return err
	}
	info, err := t.info(w, built)
	if err != nil {
		return err
	}
	packager, err := nfpm.Get(t.format.name)
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(directory, fileName(packager, info)))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := packager.Package(info, f); err != nil {
		return err
	}
	return f.Close()
}

// info is the definition for the format, with what the build alone knows.
func (t target) info(w *build.Workshop, built string) (*nfpm.Info, error) {
	config, err := nfpm.ParseWithEnvMapping(strings.NewReader(t.document), func(variable string) string {
		return map[string]string{"ARCH": t.format.architecture(t.architecture), "VERSION": w.Version, "BUILT": built}[variable]
	})
	if err != nil {
		return nil, fmt.Errorf("packaging/nfpm.yaml: %w", err)
	}
	info, err := config.Get(t.format.name)
	if err != nil {
		return nil, err
	}
	info.MTime = w.Time
	anchor(info, w.Root)
	changes, err := entries(w)
	if err != nil {
		return nil, err
	}
	return nfpm.WithDefaults(info), t.format.finish(info, changes, built)
}

// anchor makes paths of the tree independent of the working directory.
func anchor(info *nfpm.Info, root string) {
	paths := []*string{&info.Scripts.PreInstall, &info.Scripts.PostInstall, &info.Scripts.PreRemove, &info.Scripts.PostRemove}
	for _, c := range info.Contents {
		paths = append(paths, &c.Source)
	}
	for _, path := range paths {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(root, *path)
		}
	}
}
