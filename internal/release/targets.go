package release

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/internal/release/packages"
)

// plainArchitecture is the one whose programs have no suffix.
const plainArchitecture = "amd64"

// programName is what a program is called in a release.
func programName(p build.Program, a build.Architecture) string {
	if a.GOARCH == plainArchitecture {
		return p.Name
	}
	return p.Name + "-" + a.Debian
}

func isProgram(name string) bool {
	for _, a := range build.Architectures {
		for _, p := range build.Programs {
			if name == programName(p, a) {
				return true
			}
		}
	}
	return false
}

// targets are what a release has besides indices, keys and signatures. Those that
// compile come first: packages are made of what they have compiled.
func (p *plan) targets() (all []build.Target, err error) {
	all = append(all, RoleTargets(!p.snapshot)...)
	for _, a := range build.Architectures {
		all = append(all, programs{a})
	}
	all = append(all, bill{}, buildInfo{}, source{})
	common, err := packages.Common(p.Source, map[string][]byte{keyringFile: p.keyring, repoFile: []byte(p.repo())})
	if err != nil {
		return nil, err
	}
	all = append(all, common...)
	for _, a := range build.Architectures {
		packages, err := packages.Targets(p.Source, a)
		if err != nil {
			return nil, err
		}
		all = append(all, packages...)
	}
	return all, nil
}

// programs are all those for an architecture.
type programs struct{ build.Architecture }

func (t programs) String() string { return "programs for " + t.Debian }

func (t programs) Build(ctx context.Context, w *build.Workshop, directory string) error {
	built, err := w.Programs(ctx, t.Architecture)
	if err != nil {
		return err
	}
	for _, p := range build.Programs {
		if err := copyFile(filepath.Join(built, p.Name), filepath.Join(directory, programName(p, t.Architecture))); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	defer target.Close()
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	return target.Close()
}
