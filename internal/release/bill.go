package release

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// What the source is, and how it is licensed.
const (
	ownModule  = "github.com/epicfilemcnulty/hapgent"
	ownLicence = "Apache-2.0"
)

func billPath(directory string, s build.Source) string {
	return filepath.Join(directory, "hapgent-"+s.Version+".cdx.json")
}

// buildBill makes the bill of materials, an SBOM in the form of CycloneDX. It lists
// the modules of each program, as the program itself does. Scanners look for Go's
// own vulnerabilities in a module stdlib, and by a CPE.
func buildBill(ctx context.Context, w *build.Workshop, directory string) error {
	toolchain, err := w.Toolchain()
	if err != nil {
		return err
	}
	version := strings.TrimPrefix(toolchain, "go")
	library := part(golang("stdlib", version), "stdlib", version, "BSD-3-Clause", "golang.org")
	library.CPE = "cpe:2.3:a:golang:go:" + version + ":-:*:*:*:*:*:*"
	var c contents
	var all []build.Module
	var programs []string
	for _, p := range build.Programs {
		linked, err := w.Linked(ctx, p)
		if err != nil {
			return err
		}
		program, err := programPart(ctx, w, p)
		if err != nil {
			return err
		}
		c.add(program, append(references(linked), library.BOMRef))
		all, programs = append(all, linked...), append(programs, program.BOMRef)
	}
	c.add(library, []string{})
	if err := c.addModules(w, all); err != nil {
		return err
	}
	root := ownPart(w, "hapgent", "")
	c.graph = append(c.graph, cyclonedx.Dependency{Ref: root.BOMRef, Dependencies: &programs})
	return c.write(w, root, billPath(directory, w.Source))
}

// contents are the components of the bill, and their dependencies, which are not
// known for modules.
type contents struct {
	components []cyclonedx.Component
	graph      []cyclonedx.Dependency
}

// add adds a component, and its dependencies if they are known.
func (c *contents) add(component cyclonedx.Component, needs []string) {
	c.components = append(c.components, component)
	if needs != nil {
		c.graph = append(c.graph, cyclonedx.Dependency{Ref: component.BOMRef, Dependencies: &needs})
	}
}

// supplier is the owner of a module's namespace.
var supplier = regexp.MustCompile(`^(github\.com/)?[^/]+`)

// addModules adds modules, with their licences from the packages.
func (c *contents) addModules(w *build.Workshop, all []build.Module) error {
	const path = "packaging/copyright/hapgent-tools"
	copyright, err := os.ReadFile(filepath.Join(w.Root, path))
	if err != nil {
		return err
	}
	for _, m := range build.Unique(all) {
		licence := licenceIn(string(copyright), m.Path)
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:"))
		if err != nil || len(sum) == 0 || licence == "" {
			return fmt.Errorf("%s must have a licence in %s, found %q, and a sum in go.sum, found %q", m.Path, path, licence, m.Sum)
		}
		component := part(golang(m.Path, m.Version), m.Path, m.Version, licence, supplier.FindString(m.Path))
		component.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sum)}}
		c.add(component, nil)
	}
	return nil
}

func (c *contents) write(w *build.Workshop, root cyclonedx.Component, path string) error {
	document := cyclonedx.NewBOM()
	document.SerialNumber = "" // it would differ each time
	document.Metadata = &cyclonedx.Metadata{Timestamp: w.Time.Format(time.RFC3339), Component: &root, Supplier: root.Supplier}
	document.Components, document.Dependencies = &c.components, &c.graph
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	// the oldest version of the format that has all that is used here, which any current scanner reads
	encoder := cyclonedx.NewBOMEncoder(f, cyclonedx.BOMFileFormatJSON).SetPretty(true)
	return errors.Join(encoder.EncodeVersion(document, cyclonedx.SpecVersion1_5), f.Close())
}

// golang is the URL of a module, as scanners know it.
func golang(path, version string) string { return "pkg:golang/" + path + "@" + version }

func part(url, name, version, licence, supplierName string) cyclonedx.Component {
	return cyclonedx.Component{
		Type: cyclonedx.ComponentTypeLibrary, BOMRef: url, PackageURL: url, Name: name, Version: version,
		Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: licence}}},
		Supplier: &cyclonedx.OrganizationalEntity{Name: supplierName},
	}
}

// ownPart is hapgent as a whole, or one of its programs.
func ownPart(w *build.Workshop, name, folder string) cyclonedx.Component {
	own := part(golang(ownModule, w.Tag())+folder, name, w.Version, ownLicence, "hapgent maintainers")
	own.Type = cyclonedx.ComponentTypeApplication
	return own
}

// programPart is a program, with its file for each architecture.
func programPart(ctx context.Context, w *build.Workshop, p build.Program) (cyclonedx.Component, error) {
	program := ownPart(w, p.Name, "#cmd/"+p.Name)
	var files []cyclonedx.Component
	for _, a := range build.Architectures {
		built, err := w.Program(ctx, p, a)
		if err != nil {
			return program, err
		}
		sum, err := digest(built)
		if err != nil {
			return program, err
		}
		files = append(files, cyclonedx.Component{
			Type: cyclonedx.ComponentTypeFile, BOMRef: "file:" + programName(p, a), Name: programName(p, a),
			Hashes: &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: sum}},
		})
	}
	program.Components = &files
	return program, nil
}

// references are what the bill calls the modules.
func references(modules []build.Module) (all []string) {
	for _, m := range modules {
		all = append(all, golang(m.Path, m.Version))
	}
	return all
}

// licenceIn is the licence that a copyright file names for a module, in a
// paragraph that begins with the licence; "" if there is none.
func licenceIn(copyright, module string) string {
	name := regexp.MustCompile(`\s` + regexp.QuoteMeta(module) + `[.,\s]`)
	for paragraph := range strings.SplitSeq(copyright, "\n .\n") {
		if name.MatchString(paragraph + "\n") {
			licence, _, _ := strings.Cut(strings.TrimSpace(paragraph), ":")
			licence, _, _ = strings.Cut(licence, ",")
			return strings.Replace(licence, "Expat", "MIT", 1) // Debian's name and SPDX's
		}
	}
	return ""
}
