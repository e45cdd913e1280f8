package dist

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/epicfilemcnulty/hapgent/internal/packages"
	"github.com/epicfilemcnulty/hapgent/internal/release"
)

// plainArchitecture is the one whose programs have no suffix.
const plainArchitecture = "amd64"

// programName is what a program is called in a release.
func programName(p release.Program, a release.Architecture) string {
	if a.GOARCH == plainArchitecture {
		return p.Name
	}
	return p.Name + "-" + a.Debian
}

func isProgram(name string) bool {
	for _, a := range release.Architectures {
		for _, p := range release.Programs {
			if name == programName(p, a) {
				return true
			}
		}
	}
	return false
}

// targets are what a release has besides indices, keys and signatures. Those that
// compile come first: packages are made of what they have compiled.
func (p *plan) targets() (all []release.Target, err error) {
	all = append(all, role{checked: !p.snapshot})
	for _, a := range release.Architectures {
		all = append(all, programs{a})
	}
	all = append(all, bill{})
	for _, a := range release.Architectures {
		packages, err := packages.Targets(p.Source, a)
		if err != nil {
			return nil, err
		}
		all = append(all, packages...)
	}
	return all, nil
}

// programs are all those for an architecture.
type programs struct{ release.Architecture }

func (t programs) String() string { return "programs for " + t.Debian }

func (t programs) Build(ctx context.Context, w *release.Workshop, directory string) error {
	built, err := w.Programs(ctx, t.Architecture)
	if err != nil {
		return err
	}
	for _, p := range release.Programs {
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
