// Package docs checks that the documents agree with hapgent and with each other.
package docs

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/agent"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

var update = flag.Bool("update", false, "write into the documents what is taken from elsewhere")

// The table of states is what the tests saw HAProxy do.
func TestTableOfStates(t *testing.T) {
	const begin, end = "<!-- transitions -->\n", "<!-- /transitions -->"
	document := need.Read(t, "docs", "states.md")
	before, rest, found := strings.Cut(document, begin)
	table, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("docs/states.md has no place for the table, between %q and %q", begin, end)
	}
	want := need.Read(t, "test", "haproxy", "testdata", "transitions.md")
	if table == want {
		return
	}
	if !*update {
		t.Fatalf("docs/states.md shows\n%swant\n%swrite it by `go test ./test/docs -update`", table, want)
	}
	if err := os.WriteFile(filepath.Join(need.Root(t), "docs", "states.md"), []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReadmeShowsTheSampleConfiguration(t *testing.T) {
	_, rest, _ := strings.Cut(need.Read(t, "README.md"), "```haproxy\n")
	sample, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("README.md has no block for HAProxy")
	}
	config := need.Read(t, "examples", "haproxy.cfg")
	for line := range strings.Lines(sample) {
		if !strings.Contains(config, line) {
			t.Errorf("not in examples/haproxy.cfg: %s", line)
		}
	}
}

func TestOneVersion(t *testing.T) {
	version := need.Source(t).Version
	for want, document := range map[string]string{
		"\nhapgent " + version + "\n": "README.md",
		" --branch v" + version + " ": "README.md",
		"\n## [" + version + "] - ":   "CHANGELOG.md",
	} {
		if !strings.Contains(need.Read(t, document), want) {
			t.Errorf("%s does not name the version in VERSION: no %q", document, want)
		}
	}
}

func TestDefaultsAreDocumented(t *testing.T) {
	readme, manual := need.Read(t, "README.md"), need.Read(t, "packaging", "man", "hapgent.8")
	for name, value := range map[string]string{
		agent.IPVariable: agent.DefaultIP, agent.PortVariable: agent.DefaultPort, agent.StateFileVariable: agent.DefaultStateFile,
	} {
		if want := "| `" + name + "` | `" + value + "` |"; !strings.Contains(readme, want) {
			t.Errorf("README.md does not say %q", want)
		}
		_, entry, _ := strings.Cut(manual, ".It Ev "+name+"\n")
		entry, _, _ = strings.Cut(entry, ".It ")
		if !strings.Contains(entry, value) {
			t.Errorf("hapgent.8 does not give the default of %s, %s", name, value)
		}
	}
}

func TestManualPages(t *testing.T) {
	mandoc := need.Command(t, "mandoc", "mandoc")
	pages, err := filepath.Glob(filepath.Join(need.Root(t), "packaging", "man", "*.[0-9]"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no manual pages: %v", err)
	}
	for _, page := range pages {
		out, _ := exec.Command(mandoc, "-T", "lint", page).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			// what mandoc says of references depends on the pages that are installed here
			if !strings.Contains(line, "outdated mandoc.db") && !strings.Contains(line, "referenced manual not found") {
				t.Errorf("mandoc -T lint: %s", line)
			}
		}
	}
}
