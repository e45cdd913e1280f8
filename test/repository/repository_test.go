// Package repository installs a release on booted hosts, by the lines of the
// README, from correct repositories and from repositories that were tampered with.
package repository

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/internal/release/gnupg"
	"github.com/epicfilemcnulty/hapgent/internal/release/repository"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

var (
	who     *releaser.Releaser
	hosts   *lab.Lab
	web     *site
	version string
	// chain are three releases, one after the other, while the OpenPGP key changes:
	// the first is signed by the old key, the second by both, the third, which has
	// the version of this tree, by the next. From the second on the keyring has both.
	chain []string
)

var olderVersions = []string{"0.3.0", "0.3.1"}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (status int) {
	var err error
	defer func() {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}()
	here, err := build.Here()
	if err != nil {
		return 1
	}
	version = here.Version
	if who, err = releaser.New(); err != nil {
		return 1
	}
	defer who.Remove()
	if err = publishChain(); err != nil {
		return 1
	}
	if web, err = newSite(); err != nil {
		return 1
	}
	if hosts, err = lab.New(); err != nil {
		return 1
	}
	defer func() { err = hosts.Close() }()
	return m.Run()
}

func publishChain() error {
	const both = "GPG_KEY=" + releaser.Name + " " + releaser.NextName
	if err := who.AddKey(); err != nil {
		return err
	}
	if err := mendSecurity(olderVersions[1]); err != nil {
		return err
	}
	first, err := who.Publish(olderVersions[0], "")
	if err != nil {
		return err
	}
	if err := who.WriteKeys(both); err != nil {
		return err
	}
	second, err := who.Publish(olderVersions[1], first, both)
	if err != nil {
		return err
	}
	chain = []string{first, second, who.Dist()}
	return errors.Join(who.Next(version), who.Release("POOL="+second, "GPG_KEY="+releaser.NextName))
}

// mendSecurity adds to the changelog that the version fixes a security fault.
func mendSecurity(version string) error {
	f, err := os.OpenFile(filepath.Join(who.Tree, "CHANGELOG.md"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "\n## [%s] - 2026-01-31\n\n### Security\n\n- A fault.\n", version)
	return errors.Join(err, f.Close())
}

// lines are the commands of a section of the README, with the releaser's key and
// fingerprint instead of the documented ones.
func lines(t *testing.T, section string) (all []need.ConsoleCommand) {
	t.Helper()
	public, err := os.ReadFile(who.Key + ".pub")
	do(t, err)
	fingerprint, err := exec.Command("ssh-keygen", "-l", "-f", who.Key).Output()
	do(t, err)
	ours := strings.NewReplacer(
		"AAAAC3NzaC1lZDI1NTE5AAAAICEWU0xshVgOIyjzQEOKtjG8sU8sWJPh25CP/ISfJRey", strings.Fields(string(public))[1],
		"SHA256:K0hZF19Go+RKQPczS905IFVhRL8NiZTvZyi+4PkV/g8", strings.Fields(string(fingerprint))[1],
	)
	for _, c := range need.Console(t, filepath.Join(need.Root(t), "README.md")) {
		if c.Section == section {
			c.Text, c.Prints = ours.Replace(c.Text), ours.Replace(c.Prints)
			all = append(all, c)
		}
	}
	if len(all) < 2 {
		t.Fatalf("README.md has %d commands in %q", len(all), section)
	}
	return all
}

// unattended lets zypper go on without a terminal, from which it would read a yes.
var unattended = strings.NewReplacer("zypper install", "zypper --non-interactive install")

// install runs the lines of a section on a host, whose administrator has a strict
// umask; what they are said to print they must print.
func install(t *testing.T, h *lab.Host, section string) {
	t.Helper()
	for _, c := range lines(t, section) {
		if out := h.Run("umask 077; yes | { " + unattended.Replace(c.Text) + "; }"); c.Prints != "" && out != c.Prints {
			t.Errorf("README.md:%d: %s\nprints %q, want %q", c.Line, c.Text, out, c.Prints)
		}
	}
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refuses runs a script that must fail, with each wanted text in its output.
func refuses(t *testing.T, h *lab.Host, script string, wants ...string) {
	t.Helper()
	out, err := h.Try("{ " + script + "; } </dev/null")
	if err == nil {
		t.Fatalf("%s: does not fail:\n%s", script, out)
	}
	for _, want := range wants {
		if !strings.Contains(out, want) {
			t.Errorf("%s: does not say %q:\n%s", script, want, out)
		}
	}
}

// copyOfDist is a copy of the release that may be changed, as its hosts may read.
func copyOfDist(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "published")
	do(t, releaser.Run("/", "cp", "-r", who.Dist(), dir))
	return dir
}

// change changes a byte in the middle of each file that a pattern names.
func change(t *testing.T, pattern ...string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(pattern...))
	do(t, err)
	if len(paths) == 0 {
		t.Fatalf("no file %q", pattern)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		do(t, err)
		content[len(content)/2] ^= 1
		do(t, os.WriteFile(path, content, 0o644))
	}
}

func keys(t *testing.T, r *releaser.Releaser) *gnupg.Keys {
	t.Helper()
	k, err := gnupg.Find(context.Background(), r.GnuPG, releaser.Name)
	do(t, err)
	t.Cleanup(func() { k.Close() }) // whose folder may be gone by then
	return k
}

// signRepomd signs an index of a repository for dnf.
func signRepomd(t *testing.T, yum string, r *releaser.Releaser) {
	t.Helper()
	index := filepath.Join(yum, repository.Repomd)
	text, err := os.ReadFile(index)
	do(t, err)
	signature, err := keys(t, r).Sign(t.Context(), text, gnupg.One)
	do(t, err)
	do(t, os.WriteFile(index+".asc", signature, 0o644))
}
