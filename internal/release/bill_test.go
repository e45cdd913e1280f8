package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// said is a phrase of each licence that no other licence has.
var said = map[string]*regexp.Regexp{
	"Apache-2.0":   regexp.MustCompile(`Apache License\s+Version 2\.0`),
	"BSD-3-Clause": regexp.MustCompile(`Redistributions in binary form[^$]*Neither the name`),
	"MIT":          regexp.MustCompile(`Permission is hereby granted, free of charge`),
}

// The packages and the bill name for each module the licence whose text the module
// has.
func TestLicencesAreThoseOfTheModules(t *testing.T) {
	root := filepath.Join("..", "..")
	copyright, err := os.ReadFile(filepath.Join(root, "packaging", "copyright", "hapgent-tools"))
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}")
	for _, p := range build.Programs {
		list.Args = append(list.Args, "./cmd/"+p.Name)
	}
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, folder, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			modules[path] = folder
		}
	}
	if len(modules) < 5 {
		t.Fatalf("found only the modules %v", modules)
	}
	for path, folder := range modules {
		licence := licenceIn(string(copyright), path)
		text, err := os.ReadFile(filepath.Join(folder, "LICENSE"))
		if err != nil || said[licence] == nil || !said[licence].Match(text) {
			t.Errorf("%s is not under %q, as packaging/copyright/hapgent-tools says (%v)", path, licence, err)
		}
	}
	if got := licenceIn(string(copyright), "golang.org/x"); got != "" {
		t.Errorf("a module that is not named has the licence %q", got)
	}
}
