package agent

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImports keeps the agent what it is: the standard library only, and of that
// only what costs little: `go run ./bench/imports` measures it, for amd64.
func TestImports(t *testing.T) {
	const module = "github.com/epicfilemcnulty/hapgent/"
	allowed := map[string]string{
		"runtime":      "how many processors it prepares for, and passing through its scheduler",
		"strconv":      "numbers and quoted text; with sync 8 kB of binary",
		"sync":         "one mutex between the loop and the keeper, one in the queue",
		"syscall":      "all that the agent does",
		"unicode/utf8": "escapes in the state file; comes with strconv",
		"unsafe":       "system calls that take memory, and go:linkname",

		module + "internal/agent": "the agent",
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
