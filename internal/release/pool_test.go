package release

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

func TestVersionOfPackages(t *testing.T) {
	for name, want := range map[string]string{
		"hapgent_0.3.2_amd64.deb":                     "0.3.2",
		"hapgent-tools_0.4.0-rc1_ppc64el.deb":         "0.4.0-rc1",
		"hapgent-archive-keyring_0.3.2_all.deb":       "0.3.2",
		"hapgent-0.3.2-1.x86_64.rpm":                  "0.3.2",
		"hapgent-tools-0.4.0-rc.1-1.armv6hl.rpm":      "0.4.0-rc.1",
		"hapgent-repository-10.20.30-1.noarch.rpm":    "10.20.30",
		"hapgent_0.3.2_amd64.deb.sig":                 "",
		"hapgent-0.3.2.tar.gz":                        "",
		"nginx_0.3.2_amd64.deb":                       "",
		"hapgent_0.3.2_../../etc/cron.d/x_amd64.deb":  "",
		"hapgent-0.3.2-2.x86_64.rpm":                  "",
		"hapgent-ansible-role-0.3.2-1.x86_64.rpm.tar": "",
	} {
		if got := versionOf(name); got != want {
			t.Errorf("%s is of version %q, want %q", name, got, want)
		}
	}
}

// Pages allow 1 GB: the newest versions stay, whole ones.
func TestNewestVersionsThatFitStay(t *testing.T) {
	dir := t.TempDir()
	l := &pool{packages: map[string]string{}}
	for _, name := range []string{"hapgent_0.9.0_amd64.deb", "hapgent_0.10.0_amd64.deb", "hapgent-0.10.0-1.x86_64.rpm", "hapgent_0.10.0-rc1_amd64.deb", "hapgent_0.2.0_amd64.deb"} {
		l.packages[name] = writeFile(t, "", dir, name)
		if err := os.Truncate(filepath.Join(dir, name), 200_000_000); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.trim(250_000_000); err != nil {
		t.Fatal(err)
	}
	want := []string{"hapgent-0.10.0-1.x86_64.rpm", "hapgent_0.10.0-rc1_amd64.deb", "hapgent_0.10.0_amd64.deb"}
	if got := slices.Sorted(maps.Keys(l.packages)); !slices.Equal(got, want) {
		t.Errorf("stay %q, want %q", got, want)
	}
}

// The tree's own SECURITY.md is what users compare keys with, and its role has them.
func TestSecurityAndRoleHaveTheKeysOfTheTree(t *testing.T) {
	s, err := build.Here()
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckKeys(t.Context(), s); err != nil {
		t.Error(err)
	}
}
