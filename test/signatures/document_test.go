package signatures

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/need"
)

// document has the section that tells users how to verify a download.
const document = "../../docs/verify.md"

// TestDocumentedLines runs the lines of the section on files of a release that
// another key made, and holds what they print to what the section says. The
// key that the section names, and its fingerprint, stand for that other key.
func TestDocumentedLines(t *testing.T) {
	need.Command(t, "ssh-keygen", "openssh-client")
	home := t.TempDir()
	key := makeRelease(t, home)
	section := documentedSection(t)
	section = regexp.MustCompile(`ssh-ed25519 [A-Za-z0-9+/=]+`).ReplaceAllString(section, key.public)
	section = regexp.MustCompile(`SHA256:[A-Za-z0-9+/]+`).ReplaceAllString(section, key.fingerprint)
	steps := documentedSteps(section)
	if len(steps) < 6 {
		t.Fatalf("the section has %d lines to run", len(steps))
	}
	for _, step := range steps {
		cmd := exec.Command("sh", "-c", step.command)
		cmd.Dir = home
		cmd.Env = append(os.Environ(), "HOME="+home, "PATH="+filepath.Dir(verifier)+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != step.output {
			t.Errorf("%s\nprints %q and ends with %v, documented is %q", step.command, out, err, step.output)
		}
	}
}

type releaseKey struct{ public, fingerprint string }

// makeRelease writes what the section assumes to be in the directory.
func makeRelease(t *testing.T, dir string) releaseKey {
	private := filepath.Join(dir, "key")
	keygen(t, "", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", private)
	sums := ""
	for _, name := range []string{"hapgent", "hapgent-arm64"} {
		path := filepath.Join(dir, name)
		line := fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(name)), name)
		sums += line
		for suffix, text := range map[string]string{"": name, ".sha256": line} {
			if err := os.WriteFile(path+suffix, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		keygen(t, "", "-q", "-Y", "sign", "-f", private, "-n", "file", path)
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(sums), 0o600); err != nil {
		t.Fatal(err)
	}
	return releaseKey{
		public:      strings.TrimSpace(string(read(t, private+".pub"))),
		fingerprint: strings.Fields(string(keygen(t, "", "-l", "-f", private)))[1],
	}
}

func documentedSection(t *testing.T) string {
	_, section, ok := strings.Cut(string(read(t, document)), "## Verify a download\n")
	if !ok {
		t.Fatalf("%s has no section %q", document, "Verify a download")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// step is a line to run and what it prints.
type step struct{ command, output string }

// documentedSteps takes the lines that begin with $ from blocks of console.
func documentedSteps(section string) (steps []step) {
	for _, block := range strings.Split(section, "```console\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for line := range strings.Lines(block) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				steps = append(steps, step{command: strings.TrimSuffix(command, "\n")})
			} else {
				steps[len(steps)-1].output += line
			}
		}
	}
	return steps
}
