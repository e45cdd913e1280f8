//go:build linux

package statefile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestParseChangeTakesTheWordsOfAnAnswer(t *testing.T) {
	was := State{Status: Up, Weight: Number{77, true}, Maxconn: Number{300, true}}
	for line, want := range map[string]string{
		"DRAIN 50% maxconn:20":       "DRAIN 50% maxconn:20",
		"maxconn:20  50%\tdrain":     "DRAIN 50% maxconn:20",
		"Down":                       "DOWN 77% maxconn:300",
		"0%":                         "UP 0% maxconn:300",
		"255%\n":                     "UP 255% maxconn:300",
		"MaxConn:0":                  "UP 77% maxconn:0",
		"maxconn:65535":              "UP 77% maxconn:65535",
		"weight:-":                   "UP maxconn:300",
		"MAXCONN:- WEIGHT:- STOPPED": "STOPPED",
	} {
		c, err := ParseChange(line)
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		s := was
		if c.apply(&s); s.String() != want {
			t.Errorf("%q makes %q, want %q", line, s, want)
		}
	}
}

func TestParseChangeQuotesTheWordThatIsWrong(t *testing.T) {
	for line, want := range map[string]string{
		"":                    "expected words of an answer: ",
		" \t\n":               "expected words of an answer: ",
		"UP 256%":             `unknown word "256%", expected words of an answer: UP, DOWN, READY, DRAIN, FAIL, MAINT or STOPPED; a weight from 0% to 255%`,
		"%":                   `unknown word "%"`,
		"-1%":                 `unknown word "-1%"`,
		"+1%":                 `unknown word "+1%"`,
		"050%":                `unknown word "050%"`,
		"5.5%":                `unknown word "5.5%"`,
		"weight:50":           `unknown word "weight:50"`,
		"weight:":             `unknown word "weight:"`,
		"maxconn:":            `unknown word "maxconn:"`,
		"maxconn:65536":       `unknown word "maxconn:65536"`,
		"maxconn:99999999999": `unknown word "maxconn:99999999999"`,
		"maxconn:1e3":         `unknown word "maxconn:1e3"`,
		"UPP":                 `unknown word "UPP"`,
		"UP,50%":              `unknown word "UP,50%"`,
		"UP\x00":              `unknown word "UP\x00"`,
		"ＵＰ":                  `unknown word "ＵＰ"`,
		"UP down":             `found a second one, "down"`,
		"UP up":               `found a second one, "up"`,
		"50% weight:-":        `found a second one, "weight:-"`,
		"maxconn:- maxconn:1": `found a second one, "maxconn:1"`,
	} {
		if c, err := ParseChange(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v, want %q", line, c, err, want)
		}
	}
}

// Each accepted line makes a state that its file can hold, and every answer is accepted.
func FuzzParseChange(f *testing.F) {
	f.Add("DRAIN 50% maxconn:300")
	f.Add("weight:- maxconn:- up")
	f.Fuzz(func(t *testing.T, line string) {
		c, err := ParseChange(line)
		if err != nil {
			return
		}
		s := State{Status: Up}
		c.apply(&s)
		read, message := parse(s.appendJSON(nil), nil)
		if message != nil || read != s {
			t.Fatalf("%q makes %v, which is read as %v: %s", line, s, read, message)
		}
		again, err := ParseChange(s.String())
		if err != nil {
			t.Fatalf("%q makes %q, which is not taken: %v", line, s, err)
		}
		var made State
		if again.apply(&made); made != s {
			t.Fatalf("%q makes %q, which makes %q", line, s, made)
		}
	})
}

func change(t *testing.T, path, line string) (string, *Error) {
	t.Helper()
	c, err := ParseChange(line)
	if err != nil {
		t.Fatal(err)
	}
	s, warning, failed := New(path).Change(c)
	if warning != nil {
		t.Fatal(warning)
	}
	return s.String(), failed
}

func TestChangeKeepsWhatTheLineDoesNotName(t *testing.T) {
	path := stateIn(t, busyJSON)
	os.Chmod(path, 0o604)
	if s, err := change(t, path, "drain"); err != nil || s != "DRAIN 77% maxconn:300" {
		t.Fatalf("%q, %v", s, err)
	}
	if got, want := contents(t, path), `{"status":"DRAIN","weight":77,"maxconn":300}`+"\n"; got != want {
		t.Errorf("the file holds %q, want %q", got, want)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o604 {
		t.Errorf("the mode became %o", info.Mode().Perm())
	}
}

func TestChangeMakesAFileOnlyOfAStatus(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	want := path + ": no such file or directory; a line with a status creates it"
	if _, err := change(t, path, "50%"); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("it was made")
	}
	if s, err := change(t, path, "drain 50%"); err != nil || s != "DRAIN 50%" {
		t.Errorf("%q, %v", s, err)
	}
}

// The state that such a file should hold is unknown, so nothing of it can stay.
func TestChangeReplacesAFileWithoutAStateOnlyAsAWhole(t *testing.T) {
	const broken = `{"status":"up","weight":77}`
	path := stateIn(t, broken)
	want := path + `:1:11: status must be UP, DOWN, READY, DRAIN, FAIL, MAINT or STOPPED, found "up"; to replace it, give a status, a weight (or weight:-) and a maxconn (or maxconn:-)`
	if _, err := change(t, path, "down 50%"); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if got := contents(t, path); got != broken {
		t.Errorf("the file became %q", got)
	}
	if _, err := change(t, filepath.Dir(path), "down 50% maxconn:-"); err == nil || err.Error() != filepath.Dir(path)+": expected a regular file, found a directory" {
		t.Errorf("a directory: %v", err)
	}
	if s, err := change(t, path, "down 50% maxconn:-"); err != nil || s != "DOWN 50%" {
		t.Errorf("%q, %v", s, err)
	}
}

// Without the lock, a change that reads first and writes last undoes the other: here
// another change comes while the lock is held, and must wait.
func TestChangeReadsUnderTheLock(t *testing.T) {
	path := stateIn(t, busyJSON)
	directory, err := syscall.Open(filepath.Dir(path), syscall.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(directory)
	if err := syscall.Flock(directory, syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	done := make(chan string)
	go func() {
		c, _ := ParseChange("50%")
		s, _, err := New(path).Change(c)
		for err != nil && strings.HasSuffix(err.Error(), errLocked.Error()) {
			s, _, err = New(path).Change(c)
		}
		if err != nil {
			done <- err.Error()
		}
		done <- s.String()
	}()
	syscall.Nanosleep(&syscall.Timespec{Nsec: 100_000_000}, nil)
	if err := os.WriteFile(path, []byte(`{"status":"MAINT"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	syscall.Flock(directory, syscall.LOCK_UN)
	if got := <-done; got != "MAINT 50%" {
		t.Errorf("changed to %q, want MAINT 50%%", got)
	}
}
