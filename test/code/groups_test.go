package code

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// arrows are, for each group, the groups that it imports.
type arrows map[string]map[string]bool

// group is the group of a folder of the product: a folder of internal with all below
// it, or a command. Folders for tests, benchmarks and demos belong to none.
func group(folder string) (name string, ok bool) {
	parts := strings.SplitN(folder, "/", 3)
	if len(parts) < 2 || forTests(folder) || parts[0] != "internal" && parts[0] != "cmd" {
		return "", false
	}
	return parts[0] + "/" + parts[1], true
}

func picture(t *testing.T) arrows {
	all := arrows{}
	for _, f := range files(t) {
		from, ok := group(f.folder)
		if f.test || !ok {
			continue
		}
		if all[from] == nil {
			all[from] = map[string]bool{}
		}
		for _, pkg := range f.imports() {
			if to, ok := group(strings.TrimPrefix(pkg, module+"/")); ok && to != from {
				all[from][to] = true
			}
		}
	}
	return all
}

// floor is how many groups stand below one, in the longest line of imports. Go
// lets no packages import each other in a circle; two groups could, by different
// packages of theirs.
func (a arrows) floor(t *testing.T, name string, above ...string) int {
	if slices.Contains(above, name) {
		t.Fatalf("groups import each other in a circle: %q", append(above, name))
	}
	highest := 0
	for below := range a[name] {
		highest = max(highest, 1+a.floor(t, below, append(above, name)...))
	}
	return highest
}

// Groups import exactly the groups that the table in docs/architecture.md lists.
func TestGroupsKnowWhatTheArchitectureSays(t *testing.T) {
	_, rest, _ := strings.Cut(need.Read(t, "docs", "architecture.md"), "<!-- groups -->\n")
	text, _, found := strings.Cut(rest, "<!-- /groups -->")
	if !found {
		t.Fatal("docs/architecture.md has no table of groups")
	}
	says := arrows{}
	for _, cells := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|[^|]+\\|([^|]*)\\|$").FindAllStringSubmatch(text, -1) {
		says[cells[1]] = map[string]bool{}
		for _, name := range codeSpan.FindAllStringSubmatch(cells[2], -1) {
			says[cells[1]][name[1]] = true
		}
	}
	is := picture(t)
	for _, name := range slices.Sorted(maps.Keys(is)) {
		if said, ok := says[name]; !ok {
			t.Errorf("docs/architecture.md has no row for the group %q", name)
		} else if !maps.Equal(said, is[name]) {
			t.Errorf("docs/architecture.md says that %q knows %q, and it imports %q",
				name, slices.Sorted(maps.Keys(said)), slices.Sorted(maps.Keys(is[name])))
		}
	}
	for name := range says {
		if is[name] == nil {
			t.Errorf("docs/architecture.md has a row for %q, which is no group", name)
		}
	}
}

// The house stays as simple as it is: `make check` prints how simple that is.
func TestTheHouse(t *testing.T) {
	all := picture(t)
	floors, imports := 0, 0
	for name, below := range all {
		floors = max(floors, 1+all.floor(t, name))
		imports += len(below)
	}
	t.Logf("the house has %d rooms on %d floors, and %d arrows of imports", len(all), floors, imports)
	if len(all) > 10 || floors > 4 || imports > 12 {
		t.Error("want at most 10 rooms, 4 floors and 12 arrows")
	}
}
