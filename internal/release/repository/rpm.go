package repository

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	rpmutils "github.com/sassoftware/go-rpmutils"
)

// rpm is a package whose header has the contents of the indices. err is the error of
// the first tag that cannot be read.
type rpm struct {
	name   string // of the file
	header *rpmutils.RpmHeader
	size   int64  // in bytes
	digest string // SHA-256, hexadecimal
	err    error
}

func readRPM(path string) (*rpm, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	header, err := rpmutils.ReadHeader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	digest := fmt.Sprintf("%x", sha256.Sum256(content))
	return &rpm{name: filepath.Base(path), header: header, size: int64(len(content)), digest: digest}, nil
}

// get reads a tag; a missing one is empty.
func get[T any](r *rpm, read func(int) ([]T, error), tag int) []T {
	values, err := read(tag)
	var missing rpmutils.NoSuchTagError
	if err != nil && !errors.As(err, &missing) && r.err == nil {
		r.err = fmt.Errorf("tag %d: %w", tag, err)
	}
	return values
}

func (r *rpm) texts(tag int) []string { return get(r, r.header.GetStrings, tag) }

func (r *rpm) numbers(tag int) []uint32 { return get(r, r.header.GetUint32s, tag) }

func (r *rpm) text(tag int) string { return strings.Join(r.texts(tag), "") }

func (r *rpm) number(tag int) int64 {
	if numbers := r.numbers(tag); len(numbers) > 0 {
		return int64(numbers[0])
	}
	return 0
}

func (r *rpm) primary(modified time.Time) xmlPackage {
	archive, err := r.header.PayloadSize()
	r.err = errors.Join(r.err, err)
	return xmlPackage{
		Type: "rpm", Name: r.text(rpmutils.NAME), Arch: r.text(rpmutils.ARCH), Version: r.version(),
		Checksum: xmlSum{"sha256", "YES", r.digest},
		Summary:  r.text(rpmutils.SUMMARY), Description: r.text(rpmutils.DESCRIPTION),
		Packager: r.text(rpmutils.PACKAGER), URL: r.text(rpmutils.URL),
		Time:     xmlTime{modified.Unix(), r.number(rpmutils.BUILDTIME)},
		Size:     xmlSize{r.size, r.number(rpmutils.SIZE), archive},
		Location: xmlLocation{"packages/" + r.name},
		Format: xmlFormat{
			License: r.text(rpmutils.LICENSE), Vendor: r.text(rpmutils.VENDOR), Group: r.text(rpmutils.GROUP),
			BuildHost: r.text(rpmutils.BUILDHOST), SourceRPM: r.text(rpmutils.SOURCERPM),
			HeaderRange: xmlRange(r.header.GetRange()), Relations: r.relations(), Files: r.files(isPrimary),
		},
	}
}

func (r *rpm) id() xmlID {
	return xmlID{PkgID: r.digest, Name: r.text(rpmutils.NAME), Arch: r.text(rpmutils.ARCH), Version: r.version()}
}

func (r *rpm) version() xmlVersion {
	return xmlVersion{fmt.Sprint(r.number(rpmutils.EPOCH)), r.text(rpmutils.VERSION), r.text(rpmutils.RELEASE)}
}

// relations are how packages depend on each other.
var relations = []struct {
	element                string
	names, versions, flags int
}{
	{"provides", rpmutils.PROVIDENAME, rpmutils.PROVIDEVERSION, rpmutils.PROVIDEFLAGS},
	{"requires", rpmutils.REQUIRENAME, rpmutils.REQUIREVERSION, rpmutils.REQUIREFLAGS},
	{"conflicts", rpmutils.CONFLICTNAME, rpmutils.CONFLICTVERSION, rpmutils.CONFLICTFLAGS},
	{"obsoletes", rpmutils.OBSOLETENAME, rpmutils.OBSOLETEVERSION, rpmutils.OBSOLETEFLAGS},
	{"recommends", 5046, 5047, 5048}, // which rpmutils has no names for
}

// comparisons are the lowest bits of a relation's flags.
var comparisons = map[uint32]string{2: "LT", 4: "GT", 8: "EQ", 10: "LE", 12: "GE"}

func (r *rpm) relations() (all []xmlRelations) {
	for _, kind := range relations {
		names, versions, flags := r.texts(kind.names), r.texts(kind.versions), r.numbers(kind.flags)
		if len(versions) != len(names) || len(flags) != len(names) {
			r.err = errors.Join(r.err, fmt.Errorf("%s: %d names, %d versions, %d flags", kind.element, len(names), len(versions), len(flags)))
			continue
		}
		one := xmlRelations{XMLName: xml.Name{Local: "rpm:" + kind.element}}
		for i, name := range names {
			// features that rpm itself must have
			if !strings.HasPrefix(name, "rpmlib(") {
				one.Entries = append(one.Entries, entry(name, versions[i], comparisons[flags[i]&14]))
			}
		}
		if len(one.Entries) > 0 {
			all = append(all, one)
		}
	}
	return all
}

// entry splits [EPOCH:]VERSION[-RELEASE].
func entry(name, evr, comparison string) xmlEntry {
	if comparison == "" || evr == "" {
		return xmlEntry{Name: name}
	}
	epoch, rest, found := strings.Cut(evr, ":")
	if !found {
		epoch, rest = "0", evr
	}
	version, release, _ := strings.Cut(rest, "-")
	return xmlEntry{name, comparison, epoch, version, release}
}

// isPrimary reports whether a file is in the primary index, which dnf reads first.
func isPrimary(path string) bool {
	return strings.HasPrefix(path, "/etc/") || strings.Contains(path, "bin/") || path == "/usr/lib/sendmail"
}

func (r *rpm) files(which func(path string) bool) (all []xmlFile) {
	const directoryMode, typeMask = 0o040000, 0o170000
	files, err := r.header.GetFiles()
	r.err = errors.Join(r.err, err)
	for _, f := range files {
		one := xmlFile{Path: f.Name()}
		if f.Mode()&typeMask == directoryMode {
			one.Type = "dir"
		} else if f.Flags()&rpmutils.RPMFILE_GHOST != 0 {
			one.Type = "ghost"
		}
		if which(one.Path) {
			all = append(all, one)
		}
	}
	return all
}

// changelog is the ten latest entries, the oldest first.
func (r *rpm) changelog() (all []xmlChange) {
	times, names, texts := r.numbers(rpmutils.CHANGELOGTIME), r.texts(rpmutils.CHANGELOGNAME), r.texts(rpmutils.CHANGELOGTEXT)
	for i := range min(len(times), len(names), len(texts), 10) {
		all = append(all, xmlChange{names[i], int64(times[i]), texts[i]})
	}
	slices.Reverse(all)
	return all
}
