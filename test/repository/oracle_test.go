package repository

import (
	"compress/gzip"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/internal/release/repository"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

// stanzas are the paragraphs of a Packages file, sorted, without the sums that apt
// does not need.
func stanzas(text string) (all []string) {
	for stanza := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		fields := slices.DeleteFunc(strings.Split(strings.ReplaceAll(stanza, "\n ", "\x00"), "\n"), func(field string) bool {
			name, _, _ := strings.Cut(field, ":")
			return slices.Contains([]string{"MD5sum", "SHA1", "SHA512"}, name)
		})
		slices.Sort(fields)
		all = append(all, strings.Join(fields, "\n"))
	}
	slices.Sort(all)
	return all
}

func TestPackagesAreWhatAptFtparchiveWrites(t *testing.T) {
	ftparchive := need.Command(t, "apt-ftparchive", "apt-utils")
	apt := filepath.Join(who.Dist(), "apt")
	for _, a := range build.Architectures {
		cmd := exec.Command(ftparchive, "--arch", a.Debian, "packages", "pool")
		cmd.Dir = apt
		out, err := cmd.Output()
		do(t, err)
		want := stanzas(string(out))
		got := stanzas(string(read(t, apt, "dists/stable/main/binary-"+a.Debian, "Packages")))
		if len(want) != 3*len(chain) || !slices.Equal(want, got) {
			t.Fatalf("%s: Packages has\n%q\napt-ftparchive writes\n%q", a.Debian, got, want)
		}
	}
}

// tokens are what an XML document says, whatever its white space.
func tokens(t *testing.T, path string) (all []string) {
	t.Helper()
	f, err := os.Open(path)
	do(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	do(t, err)
	decoder := xml.NewDecoder(z)
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		do(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			all = append(all, "<"+token.Name.Local)
			for _, a := range token.Attr {
				all = append(all, a.Name.Local+"="+a.Value)
			}
		case xml.EndElement:
			all = append(all, ">")
		case xml.CharData:
			if text := strings.TrimSpace(string(token)); text != "" {
				all = append(all, text)
			}
		}
	}
}

func TestIndicesAreWhatCreaterepoWrites(t *testing.T) {
	createrepo := need.Command(t, "createrepo_c", "createrepo-c")
	yum := filepath.Join(t.TempDir(), "yum")
	do(t, releaser.Run("/", "cp", "-r", "--preserve=timestamps", filepath.Join(who.Dist(), "yum"), yum))
	do(t, os.Rename(filepath.Join(yum, "repodata"), filepath.Join(yum, "ours")))
	do(t, releaser.Run(yum, createrepo, "--quiet", "--no-database", "--simple-md-filenames", "."))
	for _, name := range []string{"primary", "filelists", "other"} {
		index, err := repository.ReadBefore(filepath.Join(yum, "ours", "repomd.xml"))
		do(t, err)
		var ours []string // the release before has left its own there, too
		for _, file := range index.Files {
			if strings.HasSuffix(file, "-"+name+".xml.gz") {
				ours = append(ours, filepath.Join(yum, "ours", file))
			}
		}
		if len(ours) != 1 {
			t.Fatalf("%s: found %q", name, ours)
		}
		want, got := tokens(t, filepath.Join(yum, "repodata", name+".xml.gz")), tokens(t, ours[0])
		if slices.Equal(want, got) && len(got) > 50 {
			continue
		}
		for i := range min(len(want), len(got)) {
			if want[i] != got[i] {
				t.Errorf("%s: at %q has %q, createrepo_c writes %q", name, got[max(0, i-8):i], got[i], want[i])
				break
			}
		}
		t.Errorf("%s: %d parts, createrepo_c writes %d", name, len(got), len(want))
	}
}
