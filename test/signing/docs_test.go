package signing

import (
	"os"
	"regexp"
	"testing"
)

// The lines that docs/signing.md marks as those of a shell, one after the other.
func TestTheLinesOfTheDocumentRun(t *testing.T) {
	text, err := os.ReadFile("../../docs/signing.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllSubmatch(text, -1)
	if len(blocks) < 4 {
		t.Fatalf("found %d blocks of shell", len(blocks))
	}
	b := newBench(t)
	b.startSSHAgent()
	b.write("hapgent", []byte("the agent\n"))
	for _, block := range blocks {
		b.run("sh", "-euxc", string(block[1]))
	}
}
