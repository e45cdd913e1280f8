package allowedsigners

import (
	"strings"
	"testing"
	"time"
)

func TestMatchList(t *testing.T) {
	long := strings.Repeat("x", maxPattern)
	for _, tt := range []struct {
		name, list string
		want       bool
	}{
		{"me", "me", true}, {"me", "", false}, {"", "", false}, {"", ",", true}, {"", "*", true},
		{"me", "ME", false}, {"me", "you,me", true}, {"me", "m?", true}, {"me", "m??", false},
		{"me", "*", true}, {"me", "*e", true}, {"me", "m*e*", true}, {"me", "*m", false},
		{"aaab", "a*ab", true}, {"abab", "*ab*ab*", true}, {"ab", "*ab*ab*", false},
		{"me", "!me", false}, {"me", "!you", false}, {"me", "!you,*", true}, {"me", "*,!me", false},
		{"me", "me,!*", false}, {"*", "me", false}, {"m*", "m?", true},
		{"me", long, false}, {long[1:], long[1:], true}, {long, long, false}, {"me", "me," + long, false},
		{"me", "!me," + long, false}, {"ü", "?", false}, {"ü", "??", true},
	} {
		if got := matchList(tt.name, tt.list); got != tt.want {
			t.Errorf("matchList(%.20q, %.20q) = %v", tt.name, tt.list, got)
		}
	}
}

func TestPatternsOfStarsTakeNoTime(t *testing.T) {
	start := time.Now()
	if match(strings.Repeat("a", 1000), strings.Repeat("*a", 500)+"b") {
		t.Error("it matches")
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// FuzzMatch compares match with the definition of its patterns.
func FuzzMatch(f *testing.F) {
	f.Add("me@example.com", "*e?ex*.c*m")
	f.Add("", "**")
	f.Fuzz(func(t *testing.T, name, pattern string) {
		if len(name) > 20 || len(pattern) > 10 {
			return
		}
		if got, want := match(name, pattern), defined(name, pattern); got != want {
			t.Errorf("match(%q, %q) = %v, want %v", name, pattern, got, want)
		}
	})
}

func defined(name, pattern string) bool {
	switch {
	case pattern == "":
		return name == ""
	case pattern[0] == '*':
		return defined(name, pattern[1:]) || name != "" && defined(name[1:], pattern)
	case name == "":
		return false
	}
	return (pattern[0] == '?' || pattern[0] == name[0]) && defined(name[1:], pattern[1:])
}
