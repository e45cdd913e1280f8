package repository

import (
	"encoding/xml"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// dateForm is that of a Release file's date.
const dateForm = "Mon, 02 Jan 2006 15:04:05 UTC"

// Before is an index that was published before: clients that have it still ask for
// the files that it names.
type Before struct {
	Time  time.Time
	Files []string // their paths beside the index
}

// ReadBefore reads an index, a Release or a repomd.xml.
func ReadBefore(index string) (Before, error) {
	text, err := os.ReadFile(index)
	if err != nil {
		return Before{}, err
	}
	if filepath.Base(index) == path.Base(Repomd) {
		return readRepomd(text)
	}
	b := Before{}
	if b.Time, err = time.Parse(dateForm, fieldOf(string(text), "Date")); err != nil {
		return b, fmt.Errorf("%s: its date: %w", index, err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && line[0] == ' ' {
			b.Files = append(b.Files, byHash(fields[2], fields[0]))
		}
	}
	return b, nil
}

func readRepomd(text []byte) (b Before, err error) {
	var md repomd
	if err := xml.Unmarshal(text, &md); err != nil {
		return b, fmt.Errorf("%s: %w", Repomd, err)
	}
	for _, index := range md.Data {
		b.Files = append(b.Files, path.Base(index.Location.Href))
	}
	b.Time = time.Unix(md.Revision, 0)
	return b, nil
}
