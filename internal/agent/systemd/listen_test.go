//go:build linux

package systemd

import (
	"os"
	"slices"
	"strconv"
	"testing"
)

func TestInheritedSocketsAreChecked(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for _, c := range []struct{ pid, count, want string }{
		{"", "1", ""},
		{"1", "1", ""},
		{own, "", ""},
		{own, "many", `LISTEN_FDS must be a number from 1 to 16, found "many"`},
		{own, "0", `LISTEN_FDS must be a number from 1 to 16, found "0"`},
		{own, "17", `LISTEN_FDS must be a number from 1 to 16, found "17"`},
	} {
		got, err := Inherited(environment("LISTEN_PID", c.pid, "LISTEN_FDS", c.count))
		if len(got) != 0 || (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("LISTEN_PID=%s LISTEN_FDS=%s: %v, %v", c.pid, c.count, got, err)
		}
	}
}

func TestInheritedSocketsAreCountedFromThree(t *testing.T) {
	got, err := Inherited(environment("LISTEN_PID", strconv.Itoa(os.Getpid()), "LISTEN_FDS", "2"))
	if err != nil || !slices.Equal(got, []int{3, 4}) {
		t.Errorf("%v, %v, want 3 and 4", got, err)
	}
}
