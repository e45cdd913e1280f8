package need

import (
	"os"
	"testing"
)

// Golden compares a text with the golden file, which -update writes.
func Golden(t testing.TB, update bool, file, text string) {
	t.Helper()
	if update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(golden) {
		t.Errorf("%s is not what was seen (go test -update writes it):\n%s", file, text)
	}
}
