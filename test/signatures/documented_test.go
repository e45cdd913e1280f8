package signatures

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// documentedLine is a line of allowed_signers in a document: whom it lists, its
// options, and a key or what stands for it.
var documentedLine = regexp.MustCompile(`(\w+@[\w.]+) ((?:[a-z-]+=\S+ )?)(?:ssh-ed25519 AAAA|\$old|\$new|\$\(hapgent-sign )`)

// TestEveryVersionReadsTheListsThatDocumentsPrescribe has each line that a
// document tells its reader to write list a key, and asks each version of
// OpenSSH whether that key may sign: a line with valid-before would lock out
// those before 8.7.
func TestEveryVersionReadsTheListsThatDocumentsPrescribe(t *testing.T) {
	documents, err := filepath.Glob(filepath.Join(need.Root(t), "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	s := newEd25519(t)
	for _, document := range append(documents, "README.md", "SECURITY.md") {
		var questions []question
		for _, line := range documentedLine.FindAllStringSubmatch(need.Read(t, document), -1) {
			options := strings.ReplaceAll(line[2], `\"`, `"`)
			questions = append(questions, question{name: filepath.Base(document) + " " + line[0], identity: line[1],
				signers: line[1] + " " + options + keyText(s.key) + "\n", armored: newParts(s, "file", "sha512").armored()})
		}
		found += len(questions)
		askAll(t, questions, (*worker).askEveryVersionToAccept)
	}
	if found < 6 {
		t.Errorf("documents have %d such lines, and had 6", found)
	}
}

func (w *worker) askEveryVersionToAccept(q question) {
	q = q.withDefaults()
	args := append([]string{"-Y", "verify"}, w.write(q)...)
	for _, o := range oracles(w.t) {
		if said := w.run(q, o.command("ssh-keygen", args...)); !said.accepted {
			w.t.Errorf("%s: %s refuses a key that it lists: %s", q.name, o.name, said.stderr)
		}
	}
}
