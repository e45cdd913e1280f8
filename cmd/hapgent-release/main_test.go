package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/epicfilemcnulty/hapgent/internal/testing/script"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hapgent-release": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": script.Exits},
	})
}
