// Package built makes the packages that tests examine and install.
package built

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/internal/release/packages"
)

// Packages makes the source tree's packages for the architecture in the directory, as
// in a release except for the version.
func Packages(directory, version string, a build.Architecture) error {
	s, err := build.Here()
	if err != nil {
		return err
	}
	s.Version = version
	targets, err := packages.Targets(s, a)
	if err != nil {
		return err
	}
	common, err := packages.Common(s, map[string][]byte{"hapgent-archive-keyring.asc": []byte("keys\n"), "hapgent.repo": []byte("[hapgent]\n")})
	if err != nil {
		return err
	}
	targets = append(targets, common...)
	w, err := build.NewWorkshop(context.Background(), s)
	if err != nil {
		return err
	}
	defer w.Close()
	return w.BuildAll(context.Background(), targets, directory)
}

// Here is the architecture of this machine.
func Here() build.Architecture {
	a, err := build.ArchitectureOf(runtime.GOARCH)
	if err != nil {
		panic(err)
	}
	return a
}

// Deb is the path of a .deb that Packages made for this architecture.
func Deb(directory, name, version string) string {
	return filepath.Join(directory, fmt.Sprintf("%s_%s_%s.deb", name, version, Here().Debian))
}

// RPM is the path of an .rpm that Packages made for this architecture.
func RPM(directory, name, version string) string {
	return filepath.Join(directory, fmt.Sprintf("%s-%s-1.%s.rpm", name, version, Here().RPM))
}

// Temporary is a directory for packages, which anyone may read; its caller
// removes it.
func Temporary() (string, error) {
	directory, err := os.MkdirTemp("", "hapgent-packages")
	if err != nil {
		return "", err
	}
	return directory, os.Chmod(directory, 0o755)
}
