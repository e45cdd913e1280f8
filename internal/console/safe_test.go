package console

import (
	"strings"
	"testing"
)

func TestSafe(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"plain text stays", `Good "file" signature for a\b@example.com`, `Good "file" signature for a\b@example.com`},
		{"letters of any script stay", "Grüße 世界", "Grüße 世界"},
		{"a newline", "a\nGood", `a\nGood`},
		{"a carriage return", "a\rb", `a\rb`},
		{"an escape sequence", "\x1b[2J", `\x1b[2J`},
		{"a C1 control", "\u009b2J", `\u009b2J`},
		{"a byte that is not UTF-8", "a\x9bb", `a\x9bb`},
		{"the direction of text", "a\u202eb", `a\u202eb`},
		{"the replacement character itself", "\ufffd", "\ufffd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Safe(tt.text); got != tt.want {
				t.Errorf("Safe(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func FuzzSafe(f *testing.F) {
	f.Add("a\n\x1b[31m\xff\u2028")
	f.Fuzz(func(t *testing.T, text string) {
		safe := Safe(text)
		if strings.ContainsFunc(safe, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
			t.Errorf("Safe(%q) = %q has a control character", text, safe)
		}
		if again := Safe(safe); again != safe {
			t.Errorf("Safe is not stable: %q, then %q", safe, again)
		}
	})
}
