package release

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// billPath is where the release has its bill of materials.
func billPath(t *testing.T) string {
	return filepath.Join(who.Dist(), "hapgent-"+need.Source(t).Version+".cdx.json")
}

// modulesIn are what go says of the modules in a program: path, version, sum.
func modulesIn(t *testing.T, program string) (all [][]string) {
	t.Helper()
	for line := range strings.Lines(output(t, who.Dist(), "", "go", "version", "-m", program)) {
		if fields := strings.Fields(line); fields[0] == "dep" {
			all = append(all, fields[1:])
		}
	}
	return all
}

func toolchain(t *testing.T) string {
	t.Helper()
	pinned, err := need.Source(t).Toolchain()
	do(t, err)
	return pinned
}

// A scanner finds every module and the standard library by its package URL, with sum,
// licence and supplier, below the release itself.
func TestBillNamesWhatProgramsAreMadeOf(t *testing.T) {
	var bill cyclonedx.BOM
	do(t, json.Unmarshal(read(t, billPath(t)), &bill))
	version := need.Source(t).Version
	root := "pkg:golang/github.com/epicfilemcnulty/hapgent@v" + version
	stdlib := "pkg:golang/stdlib@" + strings.TrimPrefix(toolchain(t), "go")
	needs, components := map[string][]string{}, map[string]cyclonedx.Component{}
	for _, d := range *bill.Dependencies {
		if d.Dependencies != nil {
			needs[d.Ref] = *d.Dependencies
		}
	}
	for _, c := range append(*bill.Components, *bill.Metadata.Component) {
		components[c.PackageURL] = c
		if c.Supplier == nil || c.Supplier.Name == "" || c.Licenses == nil || c.BOMRef == "" {
			t.Errorf("%s lacks a supplier, a licence or a reference: %+v", c.Name, c)
		}
	}
	for _, program := range []string{"hapgent", "hapgent-verify", "hapgent-sign"} {
		want := []string{stdlib}
		for _, m := range modulesIn(t, program) {
			url := "pkg:golang/" + m[0] + "@" + m[1]
			want = append(want, url)
			if c := components[url]; c.Hashes == nil || !strings.HasPrefix(m[2], "h1:") {
				t.Errorf("%s has the sum %q, and the bill %+v", url, m[2], c)
			}
		}
		for _, url := range want {
			if reference := root + "#cmd/" + program; !slices.Contains(needs[root], reference) || !slices.Contains(needs[reference], url) || components[url].Name == "" {
				t.Errorf("the bill does not lead from %s by %s to %s", root, reference, url)
			}
		}
		sum := strings.Fields(string(read(t, who.Dist(), program+".sha256")))[0]
		if !strings.Contains(string(read(t, billPath(t))), sum) {
			t.Errorf("the bill does not have the sum of %s", program)
		}
	}
	if agent := needs[root+"#cmd/hapgent"]; !slices.Equal(agent, []string{stdlib}) {
		t.Errorf("the agent needs %q, want the standard library alone", agent)
	}
	if cpe := components[stdlib].CPE; !strings.HasPrefix(cpe, "cpe:2.3:a:golang:go:1.") {
		t.Errorf("the standard library has the CPE %q", cpe)
	}
}

const validate = `import json, sys, jsonschema
folder, bill = sys.argv[1:]
load = lambda path: json.load(open(path))
schema = load(folder + "/bom-%s.schema.json" % load(bill)["specVersion"])
base = "http://cyclonedx.org/schema/"
store = {base + "spdx.schema.json": load(folder + "/spdx.schema.json"), base + "jsf-0.82.schema.json": load(folder + "/jsf-0.82.schemax.json")}
resolver = jsonschema.RefResolver.from_schema(schema, store=store)
jsonschema.Draft7Validator(schema, resolver=resolver).validate(load(bill))
`

// The bill is valid by the schema that CycloneDX publishes.
func TestBillKeepsToItsSchema(t *testing.T) {
	library := strings.TrimSpace(output(t, need.Root(t), "", "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go"))
	python := need.Command(t, "python3", "python3-jsonschema")
	if out, err := exec.Command(python, "-W", "ignore", "-c", validate, filepath.Join(library, "schema"), billPath(t)).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The record agrees with the tree and the programs.
func TestBuildInfoIsOfWhatWentIn(t *testing.T) {
	version := need.Source(t).Version
	text := string(read(t, who.Dist(), "hapgent-"+version+".buildinfo"))
	commit := strings.Fields(output(t, who.Tree, "", "git", "log", "-1", "--format=%H"))[0]
	fields, modules, _ := strings.Cut(text, "Modules:\n")
	linked, tools, _ := strings.Cut(modules, "Build-Modules:\n")
	for _, want := range []string{"Source: hapgent\n", "Version: " + version + "\n", "Commit: " + commit + "\n", "Go: " + toolchain(t) + "\n", "Date: 2"} {
		if !strings.Contains(fields, want) {
			t.Errorf("the record does not say %q:\n%s", want, fields)
		}
	}
	for _, m := range modulesIn(t, "hapgent-sign") {
		if line := fmt.Sprintf(" %s %s %s\n", m[0], m[1], m[2]); !strings.Contains(linked, line) {
			t.Errorf("the record does not have %q among\n%s", line, linked)
		}
	}
	sums := string(read(t, who.Tree, "go.sum"))
	for line := range strings.Lines(tools) {
		if !strings.Contains(sums, strings.TrimSpace(line)+"\n") {
			t.Errorf("go.sum does not have %q", line)
		}
	}
	if !strings.Contains(tools, "github.com/goreleaser/nfpm/v2 v") {
		t.Errorf("the record does not name what makes packages:\n%s", tools)
	}
}

// Every byte may be another: say why, at once.
func TestVerifyReleaseOfAnotherCommit(t *testing.T) {
	r := newReleaser(t)
	for _, name := range []string{"allowed_signers", "hapgent-archive-keyring.asc"} {
		write(t, string(read(t, who.Tree, "packaging", name)), r.Tree, "packaging", name)
	}
	do(t, r.Commit(""))
	cmd := r.Make("verify-release")
	cmd.Args = append(cmd.Args, "DIST="+who.Dist())
	if said := fails(t, cmd); !strings.Contains(said, "is of another commit than the tree, which has ") || strings.Contains(said, "signatures are good") {
		t.Error(said)
	}
}
