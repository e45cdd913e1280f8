package need

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// ConsoleCommand is a command of a document's console block, behind "$ " or, for
// root, "# ", and the output that the document shows.
type ConsoleCommand struct {
	Section string // the heading that it stands under
	Line    int
	Text    string
	Prints  string
}

var (
	fence   = regexp.MustCompile("^```(\\w*)$")
	heading = regexp.MustCompile(`^#+ (.*)$`)
)

// Console reads the commands of a document in Markdown.
func Console(t testing.TB, document string) (all []ConsoleCommand) {
	t.Helper()
	b, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	block, section, n := "", "", 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if m := fence.FindStringSubmatch(line); m != nil {
			block = m[1]
		} else if m := heading.FindStringSubmatch(line); m != nil && block == "" {
			section = m[1]
		} else if block == "console" {
			if text, ok := cutPrompt(line); ok {
				all = append(all, ConsoleCommand{Section: section, Line: n, Text: text})
			} else if len(all) > 0 {
				all[len(all)-1].Prints += line + "\n"
			}
		}
	}
	return all
}

func cutPrompt(line string) (string, bool) {
	for _, prompt := range []string{"$ ", "# "} {
		if text, ok := strings.CutPrefix(line, prompt); ok {
			return text, true
		}
	}
	return "", false
}
