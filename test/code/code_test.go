// Package code checks the rules for the source: which package may import which, as
// docs/architecture.md says, what the agent may import, and how long a function may
// be. It reads every Go file, for any architecture.
package code

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// file is a Go file of the tree.
type file struct {
	folder string // from the root of the tree, with slashes
	path   string
	test   bool
	syntax *ast.File
}

func (f file) imports() (all []string) {
	for _, spec := range f.syntax.Imports {
		path, _ := strconv.Unquote(spec.Path.Value) // the parser has read it
		all = append(all, path)
	}
	return all
}

// within reports whether a package is the one at the path, or one below it.
func within(pkg, path string) bool { return pkg == path || strings.HasPrefix(pkg, path+"/") }

var positions = token.NewFileSet()

var tree = sync.OnceValues(func() (files []file, err error) {
	root, err := os.OpenRoot(filepath.Join("..", ".."))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (path == "run" || path == "dist" || entry.Name() == "testdata" || len(path) > 1 && path[0] == '.'):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		text, err := root.ReadFile(path)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(positions, path, text, parser.SkipObjectResolution)
		files = append(files, file{filepath.ToSlash(filepath.Dir(path)), path, strings.HasSuffix(path, "_test.go"), syntax})
		return err
	})
	return files, err
})

func files(t *testing.T) []file {
	t.Helper()
	all, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Fatalf("only %d Go files in %s", len(all), need.Root(t))
	}
	return all
}

const longest = 40 // lines; the middle function has a third of it

// long are functions that may be longer, by file and name, with the reason.
var long = map[string]string{}

func TestFunctionsFitAScreen(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range files(t) {
		if f.test {
			continue
		}
		for _, declaration := range f.syntax.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := positions.Position(function.End()).Line - positions.Position(function.Pos()).Line + 1
			if lines <= longest {
				continue
			}
			name := f.path + " " + function.Name.Name
			seen[name] = true
			if long[name] == "" {
				t.Errorf("%s has %d lines, want at most %d", name, lines, longest)
			}
		}
	}
	for name := range long {
		if !seen[name] {
			t.Errorf("%q is listed, and is no longer too long", name)
		}
	}
}
