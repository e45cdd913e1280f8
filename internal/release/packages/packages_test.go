package packages

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goreleaser/nfpm/v2"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// Complaint: architectures missing or misnamed. Debian's names and rpm's are not
// Go's.
func TestEveryArchitectureHasItsPackages(t *testing.T) {
	s, err := build.Here()
	if err != nil {
		t.Fatal(err)
	}
	for _, goarch := range []string{"amd64", "arm64", "arm", "386", "riscv64", "ppc64le", "s390x"} {
		a, err := build.ArchitectureOf(goarch)
		if err != nil {
			t.Fatal(err)
		}
		targets, err := Targets(s, a)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, target := range targets {
			got = append(got, target.Name)
		}
		want := []string{"deb of hapgent for " + a.Debian, "rpm of hapgent for " + a.RPM, "deb of hapgent-tools for " + a.Debian, "rpm of hapgent-tools for " + a.RPM}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", goarch, got, want)
		}
	}
	for goarch, debian := range map[string]string{"arm": "armhf", "386": "i386", "ppc64le": "ppc64el"} {
		if a, _ := build.ArchitectureOf(goarch); a.Debian != debian {
			t.Errorf("%s is %s to Debian, want %s", goarch, a.Debian, debian)
		}
	}
}

// Complaint: a tilde in a GitHub asset's name becomes a dot.
func TestFileNamesStayAsTheyAreUploaded(t *testing.T) {
	for _, f := range formats {
		packager, err := nfpm.Get(f.name)
		if err != nil {
			t.Fatal(err)
		}
		info := nfpm.WithDefaults(&nfpm.Info{Name: "hapgent", Version: "0.4.0-rc.1", Arch: "amd64"})
		name := fileName(packager, info)
		if strings.ContainsFunc(name, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-_+", r)
		}) || !strings.Contains(name, "0.4.0-rc") {
			t.Errorf("%s: the name is %q", f.name, name)
		}
	}
}

func TestDebianChangelog(t *testing.T) {
	entries := []build.Entry{
		{Version: "0.4.0", Date: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Changes: []string{"One.", strings.Repeat("word ", 20) + "end."}},
		{Version: "0.3.2", Date: time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC), Changes: []string{"Two."}},
	}
	want := `hapgent (0.4.0) stable; urgency=medium

  * One.
  * word word word word word word word word word word word word word word word
    word word word word word end.

 -- Somebody <somebody@example.org>  Sat, 31 Jan 2026 12:00:00 +0000

hapgent (0.3.2) stable; urgency=medium

  * Two.

 -- Somebody <somebody@example.org>  Mon, 01 Dec 2025 00:00:00 +0000
`
	if got := debianChangelog(entries, "hapgent", "Somebody <somebody@example.org>"); got != want {
		t.Errorf("found\n%s\nwant\n%s", got, want)
	}
}

func TestWrapLosesNothing(t *testing.T) {
	for text, want := range map[string][]string{
		"":                        {""},
		"a b":                     {"a b"},
		"aaaa bbbb cccc":          {"aaaa bbbb", "cccc"},
		"a-word-that-is-too-long": {"a-word-that-is-too-long"},
		"a a-word-that-is-long b": {"a", "a-word-that-is-long", "b"},
	} {
		if got := wrap(text, 10); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
