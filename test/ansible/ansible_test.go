// Package ansible tests the Ansible role and its playbooks on booted hosts: it
// checks what runs there afterwards, and which requests HAProxy serves meanwhile.
// The role is the one that ansible-galaxy installs from its tarball.
package ansible

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

var update = flag.Bool("update", false, "write into the role what is taken from elsewhere")

// theLab is where all hosts are; work is a folder that they see, read-only, under
// the same name.
var (
	theLab *lab.Lab
	work   string
	atEnd  []func() // after the last test
)

func TestMain(m *testing.M) {
	flag.Parse()
	beSomethingElseIfAsked()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	status, err := func() (status int, err error) {
		if work, err = os.MkdirTemp("/var/tmp", "hapgent-ansible"); err != nil { // not /tmp, which hosts mount anew
			return 0, err
		}
		defer os.RemoveAll(work)
		if err := os.Chmod(work, 0o755); err != nil {
			return 0, err
		}
		if theLab, err = lab.New(work + ":" + work); err != nil {
			return 0, err
		}
		defer theLab.Close()
		defer func() {
			for _, end := range atEnd {
				end()
			}
		}()
		return m.Run(), nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

// command runs a command of this machine, in the folder, and returns what it
// prints.
func command(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// inTree is a path in the source tree.
func inTree(t *testing.T, path ...string) string {
	t.Helper()
	return filepath.Join(append([]string{need.Root(t)}, path...)...)
}
