package agent

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImports keeps the agent what it is: the standard library only, and of that
// only what costs little. Sizes are of a binary for amd64.
func TestImports(t *testing.T) {
	const module = "github.com/epicfilemcnulty/hapgent/"
	allowed := map[string]string{
		"runtime":      "how many processors it has prepared for",
		"strconv":      "numbers and quoted text, 12 kB",
		"sync":         "one mutex between the loop and the keeper, one in the queue",
		"syscall":      "all that the agent does",
		"unicode/utf8": "escapes in the state file, 1 kB",
		"unsafe":       "system calls that take memory, and go:linkname",

		module + "internal/agent": "the agent",
	}
	costly := map[string]string{
		"os":            "180 kB of binary, 250 kB of memory",
		"os/signal":     "comes with os",
		"time":          "110 kB of binary, 100 kB of memory",
		"fmt":           "comes with os and reflect",
		"net":           "600 kB of binary",
		"net/netip":     "80 kB of binary, 100 kB of memory",
		"encoding/json": "comes with reflect, 700 kB of binary",
		"log/slog":      "comes with encoding/json",
	}
	for _, pkg := range []string{"internal/agent", "cmd/hapgent"} {
		out, err := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports", module+pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
			var p struct {
				ImportPath string
				Standard   bool
				Imports    []string
			}
			if err := d.Decode(&p); err != nil {
				t.Fatal(err)
			}
			if why, ok := costly[p.ImportPath]; ok {
				t.Errorf("%s brings in %s: %s", pkg, p.ImportPath, why)
			}
			if p.Standard {
				continue
			}
			for _, i := range slices.Sorted(slices.Values(p.Imports)) {
				if allowed[i] == "" {
					t.Errorf("%s imports %s, for which no reason stands here", p.ImportPath, i)
				}
			}
		}
	}
}
