package repository

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"path/filepath"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// Repomd is the path of the index that must be signed, from the folder of a
// repository for dnf: its signature is repomd.xml.asc beside it.
const Repomd = "repodata/repomd.xml"

// Yum is a repository for dnf and yum.
type Yum struct {
	Time      time.Time
	Changelog []build.Entry // of its packages
}

// Write writes the indices of the .rpm files in the folder packages below the
// directory.
func (y Yum) Write(directory string) error {
	paths, err := filepath.Glob(filepath.Join(directory, "packages", "*.rpm"))
	if err != nil {
		return err
	}
	var all indices
	for _, p := range paths {
		if err := all.add(p, y.Time); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(p), err)
		}
	}
	md := repomd{Namespace: "http://linux.duke.edu/metadata/repo", Revision: y.Time.Unix()}
	documents := append(all.documents(), namedDocument{"updateinfo", y.updates(all.primary)})
	for _, index := range documents {
		data, err := y.writeIndex(directory, index.name, index.document)
		if err != nil {
			return err
		}
		md.Data = append(md.Data, data)
	}
	text, err := document(md)
	if err != nil {
		return err
	}
	return write(filepath.Join(directory, filepath.FromSlash(Repomd)), text)
}

// writeIndex writes an index under a name that contains its sum, so that dnf never
// mixes two repositories if one is replaced while dnf reads it.
func (y Yum) writeIndex(directory, name string, content any) (repomdData, error) {
	text, err := document(content)
	if err != nil {
		return repomdData{}, err
	}
	zipped := build.Gzip(text)
	open, packed := newFile("", text), newFile("", zipped)
	packed.name = "repodata/" + packed.digest + "-" + name + ".xml.gz"
	return repomdData{
		Type:         name,
		Checksum:     xmlSum{"sha256", "", packed.digest},
		OpenChecksum: xmlSum{"sha256", "", open.digest},
		Location:     xmlLocation{packed.name},
		Timestamp:    y.Time.Unix(),
		Size:         len(zipped),
		OpenSize:     len(text),
	}, packed.write(directory)
}

type repomd struct {
	XMLName   xml.Name     `xml:"repomd"`
	Namespace string       `xml:"xmlns,attr"`
	Revision  int64        `xml:"revision"`
	Data      []repomdData `xml:"data"`
}

type repomdData struct {
	Type         string      `xml:"type,attr"`
	Checksum     xmlSum      `xml:"checksum"`
	OpenChecksum xmlSum      `xml:"open-checksum"`
	Location     xmlLocation `xml:"location"`
	Timestamp    int64       `xml:"timestamp"`
	Size         int         `xml:"size"`
	OpenSize     int         `xml:"open-size"`
}

func document(content any) ([]byte, error) {
	b := bytes.NewBufferString(xml.Header)
	e := xml.NewEncoder(b)
	e.Indent("", "  ")
	if err := e.Encode(content); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
