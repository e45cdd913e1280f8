package code

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// The three modules are built by one release of Go, and use the same version of each
// direct requirement: one ships what another is tested with.
func TestModulesShareVersions(t *testing.T) {
	modules := map[string]*modfile.File{}
	for _, folder := range []string{".", "kms", "tools"} {
		path := filepath.Join(need.Root(t), folder, "go.mod")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if modules[folder], err = modfile.Parse(path, text, nil); err != nil {
			t.Fatal(err)
		}
	}
	root := modules["."]
	for folder, module := range modules {
		if module.Go.Version != root.Go.Version || module.Toolchain.Name != root.Toolchain.Name {
			t.Errorf("%s/go.mod has Go %s and %s, want %s and %s", folder,
				module.Go.Version, module.Toolchain.Name, root.Go.Version, root.Toolchain.Name)
		}
		for _, own := range module.Require {
			for other, theirs := range modules {
				if version := versionIn(theirs, own.Mod.Path); !own.Indirect && version != "" && version != own.Mod.Version {
					t.Errorf("%s/go.mod requires %s, and %s/go.mod %s", folder, own.Mod, other, version)
				}
			}
		}
	}
}

func versionIn(module *modfile.File, path string) string {
	for _, required := range module.Require {
		if required.Mod.Path == path {
			return required.Mod.Version
		}
	}
	return ""
}
