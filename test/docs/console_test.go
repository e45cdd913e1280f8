package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// elsewhere are the sections whose commands need a booted host, a release or
// HAProxy: the tests in test/repository and test/demo run them.
var elsewhere = []string{"Demo", "With apt", "With dnf", "With zypper", "By hand", "From source"}

const mark = "@@@ command "

// script makes one bash script of the commands. A signal takes effect a moment
// later, so a question is repeated until the answer is there.
func script(all []need.ConsoleCommand) string {
	var b strings.Builder
	b.WriteString(`until_prints() { local expected=$1 i got; shift
  for ((i = 0; i < 200; i++)); do got=$("$@" 2>&1 </dev/null); [ "$got" != "$expected" ] || break; sleep 0.1; done
  printf '%s\n' "$got"
}
listening() { local i; for ((i = 0; i < 1200; i++)); do (exec 3<>/dev/tcp/127.0.0.1/9777) 2>/dev/null && return; sleep 0.1; done; }
`)
	for i, c := range all {
		fmt.Fprintf(&b, "echo '%s%d'\n", mark, i)
		switch background, ok := strings.CutSuffix(c.Text, " &"); {
		case ok:
			fmt.Fprintf(&b, "%s >background.log 2>&1 &\nlistening\n", background)
		case strings.HasSuffix(c.Text, " --ask"):
			fmt.Fprintf(&b, "until_prints '%s' %s\n", strings.TrimSuffix(c.Prints, "\n"), c.Text)
		default:
			fmt.Fprintf(&b, "{ %s ; } 2>&1 </dev/null\n", c.Text)
		}
	}
	return b.String()
}

// TestReadmeCommands runs every command of the README, in order, and compares
// what it prints. They have PID and network namespaces of their own: what they
// kill and listen on is theirs.
func TestReadmeCommands(t *testing.T) {
	need.Superuser(t)
	root := need.Root(t)
	all := slices.DeleteFunc(need.Console(t, filepath.Join(root, "README.md")), func(c need.ConsoleCommand) bool {
		return slices.Contains(elsewhere, c.Section)
	})
	if len(all) < 4 {
		t.Fatalf("only %d commands found", len(all))
	}
	dir := need.CopyOfTree(t)
	if err := os.WriteFile(filepath.Join(dir, "commands"), []byte(script(all)), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(need.Command(t, "unshare", "util-linux"), "--pid", "--fork", "--kill-child", "--mount-proc", "--net",
		"bash", "-c", "ip link set lo up && exec bash commands")
	cmd.Dir = dir
	cmd.Env = need.Unmade()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	printed := regexp.MustCompile("(?m)^"+mark+`\d+\n`).Split(string(out), -1)
	if len(printed) != len(all)+1 {
		t.Fatalf("%d of %d commands ran:\n%s", len(printed)-1, len(all), out)
	}
	for i, c := range all {
		if got := printed[i+1]; got != c.Prints {
			t.Errorf("README.md:%d: %s\nprints\n%swant\n%s", c.Line, c.Text, got, c.Prints)
		}
	}
	if t.Failed() {
		log, _ := os.ReadFile(filepath.Join(dir, "background.log"))
		t.Logf("in the background:\n%s", log)
	}
}
