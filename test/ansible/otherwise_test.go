package ansible

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

// With these variables the test binary is something else.
const (
	filesVariable  = "TEST_SERVE_FILES" // a web server of the folder, at the mirror's address
	clientVariable = "TEST_CLIENT"      // clients that get the URLs all the time
)

func beSomethingElseIfAsked() {
	if dir := os.Getenv(filesVariable); dir != "" {
		fmt.Fprintln(os.Stderr, http.ListenAndServe("10.77.0.1:8000", http.FileServer(http.Dir(dir))))
		os.Exit(1)
	}
	if urls := os.Getenv(clientVariable); urls != "" {
		if err := getUntilTold(strings.Fields(urls)...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// serveMirror serves the published files until the last test has ended. A host must
// have been booted before.
func serveMirror(t *testing.T) {
	t.Helper()
	dir := published(t)
	serving.Do(func() {
		cmd := theLab.Command(os.Args[0])
		cmd.Env = append(cmd.Env, filesVariable+"="+dir)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		atEnd = append(atEnd, func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
	})
	waitFor(t, "the mirror", func() bool {
		return theLab.Command("curl", "-fsS", "-o", "/dev/null", mirror+"/").Run() == nil
	})
}

var serving sync.Once

func waitFor(t *testing.T, what string, right func() bool) {
	t.Helper()
	for deadline := time.Now().Add(lab.Patience); !right(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after %v", what, lab.Patience)
		}
	}
}
