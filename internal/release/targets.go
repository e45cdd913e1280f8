package release

import (
	"context"
	"os"
	"path/filepath"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/internal/release/packages"
)

// programName is the name of a program in a release.
func programName(p build.Program, a build.Architecture) string {
	if a == build.Architectures[0] {
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

// targets are all of a release except indices, keys and signatures. Those that
// compile come first: packages contain what they have compiled.
func (p *plan) targets() (all []build.Target, err error) {
	all = RoleTargets(!p.snapshot)
	for _, a := range build.Architectures {
		all = append(all, programs(a))
	}
	all = append(all, build.Target{Name: "bill of materials", Build: buildBill},
		build.Target{Name: "record of the build", Build: buildInfo}, build.Target{Name: "source tarball", Build: buildSource})
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

// programs are all programs for an architecture.
func programs(a build.Architecture) build.Target {
	return build.Target{Name: "programs for " + a.Debian, Build: func(ctx context.Context, w *build.Workshop, directory string) error {
		for _, p := range build.Programs {
			built, err := w.Program(ctx, p, a)
			if err == nil {
				err = copyFile(built, filepath.Join(directory, programName(p, a)))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}}
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}
