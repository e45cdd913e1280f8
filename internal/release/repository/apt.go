package repository

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// Suites are the suites of an apt repository, which sources name: one has the
// releases, the other has pre-releases, too.
const (
	Stable  = "stable"
	Testing = "testing"
)

// component is the only component of a suite.
const component = "main"

// Apt is a repository for apt, of both suites.
type Apt struct {
	Label         string   // its name for users
	Architectures []string // by Debian's names
	Time          time.Time
}

// Release is the path of the index of a suite that must be signed, from the folder
// of the repository: the signatures are Release.gpg and InRelease beside it.
func Release(suite string) string { return "dists/" + suite + "/Release" }

// Write writes the indices of the .deb files in the folder pool below the
// directory. The index for each architecture is there by its digest, too, so that apt
// gets the old or the new one if the repository is replaced meanwhile.
func (a Apt) Write(directory string) error {
	paths, err := filepath.Glob(filepath.Join(directory, "pool", "*.deb"))
	if err != nil {
		return err
	}
	stanzas := map[string][]string{}
	for _, p := range paths {
		if err := a.add(stanzas, p); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(p), err)
		}
	}
	return errors.Join(a.writeSuite(directory, Stable, stanzas), a.writeSuite(directory, Testing, stanzas))
}

func (a Apt) writeSuite(directory, suite string, stanzas map[string][]string) error {
	folder := filepath.Join(directory, filepath.FromSlash(path.Dir(Release(suite))))
	var indices []file
	for _, architecture := range a.Architectures {
		name := component + "/binary-" + architecture + "/Packages"
		text := []byte(strings.Join(stanzas[suite+architecture], "\n"))
		indices = append(indices, newFile(name, text), newFile(name+".gz", build.Gzip(text)))
	}
	for _, index := range indices {
		byHash := newFile(byHash(index.name, index.digest), index.data)
		if err := errors.Join(index.write(folder), byHash.write(folder)); err != nil {
			return err
		}
	}
	return write(filepath.Join(folder, "Release"), []byte(a.release(suite, indices)))
}

func byHash(name, digest string) string { return path.Dir(name) + "/by-hash/SHA256/" + digest }

// add adds a package to the stanzas that Packages files consist of, by the suite
// and the architecture. One for all architectures is in each.
func (a Apt) add(stanzas map[string][]string, p string) error {
	text, control, err := stanza(p)
	if err != nil {
		return err
	}
	architecture, suites := fieldOf(control, "Architecture"), []string{Stable, Testing}
	if architecture != "all" && !slices.Contains(a.Architectures, architecture) {
		return fmt.Errorf("architecture %q is none of the repository's", architecture)
	}
	if strings.Contains(fieldOf(control, "Version"), "~") {
		suites = suites[1:]
	}
	for _, one := range a.Architectures {
		if architecture != "all" && architecture != one {
			continue
		}
		for _, suite := range suites {
			stanzas[suite+one] = append(stanzas[suite+one], text)
		}
	}
	return nil
}

// stanza is the control file of a package, with the path and the sum of the package.
func stanza(p string) (text, control string, err error) {
	content, err := os.ReadFile(p)
	if err != nil {
		return "", "", err
	}
	if control, err = controlOf(content); err != nil {
		return "", "", err
	}
	return fmt.Sprintf("%s\nFilename: pool/%s\nSize: %d\nSHA256: %x\n",
		control, filepath.Base(p), len(content), sha256.Sum256(content)), control, nil
}

// release is the index of the indices. It has no Valid-Until, which would guard only
// against an attack that hides an update: a repository that nobody signs anew for a
// while would stop working.
func (a Apt) release(suite string, indices []file) string {
	var b strings.Builder
	for _, field := range [][2]string{
		{"Origin", "hapgent"}, {"Label", a.Label}, {"Suite", suite}, {"Codename", suite},
		{"Date", a.Time.UTC().Format(dateForm)},
		{"Acquire-By-Hash", "yes"}, {"Architectures", strings.Join(a.Architectures, " ")},
		{"Components", component}, {"Description", a.Label},
	} {
		fmt.Fprintf(&b, "%s: %s\n", field[0], field[1])
	}
	b.WriteString("SHA256:\n")
	slices.SortFunc(indices, func(x, y file) int { return cmp.Compare(x.name, y.name) })
	for _, f := range indices {
		fmt.Fprintf(&b, " %s %d %s\n", f.digest, len(f.data), f.name)
	}
	return b.String()
}
