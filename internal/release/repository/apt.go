package repository

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Suite is what sources name to get the packages of an apt repository, and
// Component the one part that there is of it.
const (
	Suite     = "stable"
	Component = "main"
)

// Apt is a repository for apt, of one suite.
type Apt struct {
	Origin, Label, Description string
	Architectures              []string // by Debian's names
	Time                       time.Time
}

// Release is where the index stands that is to be signed, from the folder of the
// repository: as Release.gpg and InRelease beside it.
const Release = "dists/" + Suite + "/Release"

// Write writes the indices of the .deb files in the folder pool below the
// directory. An index for each architecture can be had by its digest too, so that
// a repository that is replaced while apt reads it gives the old or the new.
func (a Apt) Write(directory string) error {
	stanzas, err := a.stanzas(directory)
	if err != nil {
		return err
	}
	var indices []file
	for _, architecture := range a.Architectures {
		folder := Component + "/binary-" + architecture + "/"
		text := []byte(strings.Join(stanzas[architecture], "\n"))
		zipped, err := compressed(text)
		if err != nil {
			return err
		}
		indices = append(indices, newFile(folder+"Packages", text), newFile(folder+"Packages.gz", zipped))
	}
	for _, index := range indices {
		suite := filepath.Join(directory, filepath.FromSlash(path.Dir(Release)))
		byHash := newFile(path.Dir(index.name)+"/by-hash/SHA256/"+index.digest, index.data)
		for _, f := range []file{index, byHash} {
			if err := f.write(suite); err != nil {
				return err
			}
		}
	}
	return write(filepath.Join(directory, filepath.FromSlash(Release)), []byte(a.release(indices)))
}

// stanzas are what Packages files consist of, by the architecture.
func (a Apt) stanzas(directory string) (map[string][]string, error) {
	paths, err := filepath.Glob(filepath.Join(directory, "pool", "*.deb"))
	if err != nil {
		return nil, err
	}
	all := map[string][]string{}
	for _, p := range paths {
		architecture, text, err := stanza(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(p), err)
		}
		if !slices.Contains(a.Architectures, architecture) {
			return nil, fmt.Errorf("%s: architecture %q is none of the repository's", filepath.Base(p), architecture)
		}
		all[architecture] = append(all[architecture], text)
	}
	return all, nil
}

// stanza is the control file of a package, with where to get it.
func stanza(p string) (architecture, text string, err error) {
	content, err := os.ReadFile(p)
	if err != nil {
		return "", "", err
	}
	control, err := controlOf(content)
	if err != nil {
		return "", "", err
	}
	text = fmt.Sprintf("%s\nFilename: pool/%s\nSize: %d\nSHA256: %x\n",
		control, filepath.Base(p), len(content), sha256.Sum256(content))
	return fieldOf(control, "Architecture"), text, nil
}

// release is the index of the indices. It has no Valid-Until: a repository that
// nobody signs anew for a while would stop to work, for an attack that hides an
// update and cannot bring anything else.
func (a Apt) release(indices []file) string {
	var b strings.Builder
	for _, field := range [][2]string{
		{"Origin", a.Origin}, {"Label", a.Label}, {"Suite", Suite}, {"Codename", Suite},
		{"Date", a.Time.UTC().Format("Mon, 02 Jan 2006 15:04:05 UTC")},
		{"Acquire-By-Hash", "yes"}, {"Architectures", strings.Join(a.Architectures, " ")},
		{"Components", Component}, {"Description", a.Description},
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
