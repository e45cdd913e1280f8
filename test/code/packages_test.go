package code

import (
	"go/ast"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// `make setup` installs all Debian packages that tests need, on a bare machine.
func TestPackagesThatTestsNeedAreInstalled(t *testing.T) {
	listed, seen := strings.Fields(need.Read(t, "test", "debian-packages")), 0
	for _, f := range files(t) {
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || len(call.Args) != 3 {
				return true
			}
			function, ok := call.Fun.(*ast.SelectorExpr)
			name, literal := call.Args[2].(*ast.BasicLit)
			if !ok || !literal || function.Sel.Name != "Command" {
				return true
			}
			if of, ok := function.X.(*ast.Ident); !ok || of.Name != "need" {
				return true
			}
			seen++
			if name, _ := strconv.Unquote(name.Value); !slices.Contains(listed, name) {
				t.Errorf("%s: test/debian-packages does not have %q", positions.Position(call.Pos()), name)
			}
			return true
		})
	}
	if seen < 20 {
		t.Errorf("found %d packages that tests need, too few", seen)
	}
}
