package release

import (
	"cmp"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// bill is the bill of materials, an SBOM in the form of CycloneDX. It says what
// the programs themselves say: which modules each was linked of.
type bill struct{}

func (bill) String() string { return "bill of materials" }

func (bill) Build(ctx context.Context, w *build.Workshop, directory string) error {
	document := cyclonedx.NewBOM()
	document.SerialNumber = "" // it would be another each time
	root := component("hapgent", w.Version)
	document.Metadata = &cyclonedx.Metadata{Timestamp: w.Time.Format(time.RFC3339), Component: &root}
	parts := parts{modules: map[string]cyclonedx.Component{}}
	for _, p := range build.Programs {
		if err := parts.add(ctx, w, p); err != nil {
			return err
		}
	}
	modules := slices.SortedFunc(maps.Values(parts.modules), func(a, b cyclonedx.Component) int { return cmp.Compare(a.BOMRef, b.BOMRef) })
	components := slices.Concat(parts.programs, modules)
	document.Components = &components
	document.Dependencies = &parts.dependencies
	f, err := os.Create(filepath.Join(directory, "hapgent-"+w.Version+".cdx.json"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := cyclonedx.NewBOMEncoder(f, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(document); err != nil {
		return err
	}
	return f.Close()
}

func component(name, version string) cyclonedx.Component {
	return cyclonedx.Component{
		Type: cyclonedx.ComponentTypeApplication, BOMRef: name, Name: name, Version: version,
		Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
	}
}

// parts are what the bill lists.
type parts struct {
	programs     []cyclonedx.Component
	modules      map[string]cyclonedx.Component // by reference
	dependencies []cyclonedx.Dependency
}

// add adds a program: its file for each architecture, and the modules of all.
func (s *parts) add(ctx context.Context, w *build.Workshop, p build.Program) error {
	program := component("cmd/"+p.Name, w.Version)
	program.Name = p.Name
	var files []cyclonedx.Component
	needs := map[string]bool{}
	for _, a := range build.Architectures {
		built, err := w.Programs(ctx, a)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(filepath.Join(built, p.Name))
		if err != nil {
			return err
		}
		files = append(files, cyclonedx.Component{
			Type: cyclonedx.ComponentTypeFile, BOMRef: program.BOMRef + "/" + a.Debian, Name: programName(p, a),
			Hashes: &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sha256.Sum256(content))}},
		})
		if err := s.addModules(filepath.Join(built, p.Name), needs); err != nil {
			return err
		}
	}
	program.Components = &files
	s.programs = append(s.programs, program)
	sorted := slices.Sorted(maps.Keys(needs))
	s.dependencies = append(s.dependencies, cyclonedx.Dependency{Ref: program.BOMRef, Dependencies: &sorted})
	return nil
}

// addModules adds those that a program was linked of, and the standard library.
func (s *parts) addModules(path string, needs map[string]bool) error {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return err
	}
	add := func(name, version string) {
		reference := "pkg:golang/" + name + "@" + version
		needs[reference] = true
		s.modules[reference] = cyclonedx.Component{
			Type: cyclonedx.ComponentTypeLibrary, BOMRef: reference, PackageURL: reference, Name: name, Version: version,
		}
	}
	add("std", info.GoVersion)
	for _, module := range info.Deps {
		add(module.Path, module.Version)
	}
	return nil
}
