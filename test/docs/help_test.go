package docs

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

func TestHelpFitsAScreen(t *testing.T) {
	const lines, columns = 24, 80
	help := exec.Command("make", "--no-print-directory", "help")
	help.Dir, help.Env = need.Root(t), need.Unmade()
	out, err := help.Output()
	if err != nil {
		t.Fatalf("make help: %v", err)
	}
	if found := strings.Count(string(out), "\n"); found > lines {
		t.Errorf("make help prints %d lines, want at most %d", found, lines)
	}
	for line := range strings.Lines(string(out)) {
		if found := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); found > columns {
			t.Errorf("make help prints %d columns, want at most %d: %s", found, columns, line)
		}
	}
	targets := regexp.MustCompile(`(?m)^\.PHONY: (.*)$`).FindStringSubmatch(need.Read(t, "Makefile"))
	if targets == nil {
		t.Fatal("Makefile has no .PHONY line")
	}
	for target := range strings.FieldsSeq(targets[1]) {
		if !strings.Contains(string(out), "make "+target+" ") {
			t.Errorf("make help does not list %s", target)
		}
	}
}
