package debian

import (
	"strings"
	"sync"
	"testing"
)

func version(t *testing.T, suite string) string {
	tree, err := Unpack(suite, "openssh-client")
	if err != nil {
		t.Error(err)
		return ""
	}
	out, err := tree.Command("ssh", "-V").CombinedOutput()
	if err != nil {
		t.Errorf("ssh of %s: %v", suite, err)
	}
	return string(out)
}

func TestProgramsOfOtherSuitesRun(t *testing.T) {
	for suite, want := range map[string]string{
		"bullseye": "OpenSSH_8.4", "trixie": "OpenSSH_10.0", "trixie-backports": "OpenSSH_10.",
	} {
		if said := version(t, suite); !strings.HasPrefix(said, want) {
			t.Errorf("ssh of %s says %q, want %q", suite, said, want)
		}
	}
}

func TestSeveralMayAskAtOnceForWhatIsNotThereYet(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if said := version(t, "bullseye"); !strings.HasPrefix(said, "OpenSSH_8.4") {
				t.Errorf("ssh says %q", said)
			}
		})
	}
	all.Wait()
}

func TestAFailedDownloadSaysWhyAndIsTriedAgain(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for range 2 {
		if _, err := Unpack("bullseye", "no-such-package"); err == nil || !strings.Contains(err.Error(), "no-such-package") {
			t.Errorf("the error is %v", err)
		}
	}
}
