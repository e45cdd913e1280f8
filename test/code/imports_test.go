package code

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

const module = "github.com/epicfilemcnulty/hapgent"

// rule is a row of the table of packages in docs/architecture.md: what the
// package may import, of this module by folder, of others by the module's path.
type rule map[string]bool

var (
	table    = regexp.MustCompile(`(?s)<!-- packages -->\n(.*)<!-- /packages -->`)
	row      = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|[^|]+\\|([^|]*)\\|([^|]*)\\|$")
	codeSpan = regexp.MustCompile("`([^`]+)`")
)

func rules(t *testing.T) map[string]rule {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(need.Root(t), "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := table.FindSubmatch(text)
	if found == nil {
		t.Fatalf("docs/architecture.md has no table of packages, %s", table)
	}
	all := map[string]rule{}
	for _, cells := range row.FindAllStringSubmatch(string(found[1]), -1) {
		r := rule{}
		for _, name := range codeSpan.FindAllStringSubmatch(cells[2], -1) {
			r[module+"/"+name[1]] = true
		}
		for _, name := range codeSpan.FindAllStringSubmatch(cells[3], -1) {
			r[name[1]] = true
		}
		all[cells[1]] = r
	}
	return all
}

// allows finds the entry that allows the import of the package; the standard
// library, which has no dot in its first element, needs none.
func (r rule) allows(pkg string) (entry string, ok bool) {
	if first, _, _ := strings.Cut(pkg, "/"); !strings.Contains(first, ".") {
		return "", true
	}
	for entry := range r {
		if pkg == entry || within(pkg, entry) && !within(entry, module) {
			return entry, true
		}
	}
	return "", false
}

// Packages import exactly the packages that docs/architecture.md lists.
func TestPackagesKnowWhatTheArchitectureSays(t *testing.T) {
	all, used, exist := rules(t), map[string]rule{}, map[string]bool{}
	for _, f := range files(t) {
		if f.test || forTests(f.folder) || within(f.folder, "tools") {
			continue
		}
		exist[f.folder] = true
		if used[f.folder] == nil {
			used[f.folder] = rule{}
		}
		for _, pkg := range f.imports() {
			entry, ok := all[f.folder].allows(pkg)
			if !ok {
				t.Errorf("%s imports %s, which docs/architecture.md does not let it know", f.path, pkg)
			}
			used[f.folder][entry] = true
		}
	}
	if folders, listed := slices.Sorted(maps.Keys(exist)), slices.Sorted(maps.Keys(all)); !slices.Equal(folders, listed) {
		t.Errorf("docs/architecture.md lists the packages\n%q\nwant\n%q", listed, folders)
	}
	for folder, r := range all {
		for entry := range r {
			if !used[folder][entry] {
				t.Errorf("docs/architecture.md lets %s know %s, which it does not import", folder, entry)
			}
		}
	}
}

// forTests reports whether a folder is only for tests: the suites, and what they
// share with the tests beside the code.
func forTests(folder string) bool {
	return within(folder, "test") || within(folder, "internal/testing")
}

// Whatever the table says: nothing imports a command, and only tests import what is
// for tests.
func TestNothingImportsCommandsNorTestHelpers(t *testing.T) {
	helpers := []string{module + "/test", module + "/internal/testing", "testing", "github.com/rogpeppe/go-internal"}
	commands := map[string]bool{}
	for _, f := range files(t) {
		if f.syntax.Name.Name == "main" {
			commands[module+"/"+f.folder] = true
		}
	}
	for _, f := range files(t) {
		for _, pkg := range f.imports() {
			if commands[pkg] || within(pkg, module+"/cmd") {
				t.Errorf("%s imports a command, %s", f.path, pkg)
			}
			isHelper := slices.ContainsFunc(helpers, func(path string) bool { return within(pkg, path) })
			if isHelper && !f.test && !forTests(f.folder) {
				t.Errorf("%s imports %s, which is for tests", f.path, pkg)
			}
		}
	}
}

// The agent stays small: of the standard library it imports only what costs little. `go run ./bench/imports` measures it, for amd64.
func TestAgentImportsWhatCostsLittle(t *testing.T) {
	reasons := map[string]string{
		"errors":       "comes with strconv",
		"runtime":      "how many processors it prepares for, and passing through its scheduler",
		"strconv":      "numbers and quoted text; with sync 8 kB of binary",
		"sync":         "one mutex between the loop and the keeper, one in the queue",
		"syscall":      "all that the agent does",
		"unicode/utf8": "escapes in the state file; comes with strconv",
		"unsafe":       "system calls that take memory, and go:linkname",
	}
	for _, f := range files(t) {
		if f.test || !within(f.folder, "internal/agent") && f.folder != "cmd/hapgent" {
			continue
		}
		for _, pkg := range f.imports() {
			if reasons[pkg] == "" && !within(pkg, module) {
				t.Errorf("%s imports %s, for which no reason stands here", f.path, pkg)
			}
		}
	}
	costly := map[string]string{
		"os":            "160 kB of binary, 200 kB of memory",
		"os/signal":     "comes with os, 190 kB and 260 kB",
		"time":          "100 kB of binary, 110 kB of memory",
		"fmt":           "350 kB of binary, 320 kB of memory",
		"net":           "780 kB of binary, 800 kB of memory",
		"net/netip":     "90 kB of binary, 130 kB of memory",
		"encoding/json": "720 kB of binary, 790 kB of memory",
		"log/slog":      "810 kB of binary, 850 kB of memory",
	}
	list := exec.Command("go", "list", "-deps", "./cmd/hapgent")
	list.Dir = need.Root(t)
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range strings.FieldsSeq(string(out)) {
		if why, ok := costly[pkg]; ok {
			t.Errorf("the agent brings in %s: %s", pkg, why)
		}
	}
}
