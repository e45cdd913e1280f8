package repository

import (
	"encoding/xml"
	"time"
)

// indices are the three that dnf knows: what it needs to choose packages, all of
// their files, and their changelogs. A test compares them with createrepo_c's.
type indices struct {
	primary   []xmlPackage
	filelists []xmlFiles
	other     []xmlChanges
}

type namedDocument struct {
	name     string
	document any
}

func (all *indices) documents() []namedDocument {
	const duke = "http://linux.duke.edu/metadata/"
	return []namedDocument{
		{"primary", xmlMetadata{Namespace: duke + "common", RPM: duke + "rpm", Count: len(all.primary), Packages: all.primary}},
		{"filelists", xmlFilelists{Namespace: duke + "filelists", Count: len(all.filelists), Packages: all.filelists}},
		{"other", xmlOther{Namespace: duke + "other", Count: len(all.other), Packages: all.other}},
	}
}

func (all *indices) add(path string, modified time.Time) error {
	r, err := readRPM(path)
	if err != nil {
		return err
	}
	all.primary = append(all.primary, r.primary(modified))
	id := r.id()
	all.filelists = append(all.filelists, xmlFiles{id, r.files(func(string) bool { return true })})
	all.other = append(all.other, xmlChanges{id, r.changelog()})
	return r.err
}

type xmlMetadata struct {
	XMLName   xml.Name     `xml:"metadata"`
	Namespace string       `xml:"xmlns,attr"`
	RPM       string       `xml:"xmlns:rpm,attr"`
	Count     int          `xml:"packages,attr"`
	Packages  []xmlPackage `xml:"package"`
}

type xmlPackage struct {
	Type        string      `xml:"type,attr"`
	Name        string      `xml:"name"`
	Arch        string      `xml:"arch"`
	Version     xmlVersion  `xml:"version"`
	Checksum    xmlSum      `xml:"checksum"`
	Summary     string      `xml:"summary"`
	Description string      `xml:"description"`
	Packager    string      `xml:"packager"`
	URL         string      `xml:"url"`
	Time        xmlTime     `xml:"time"`
	Size        xmlSize     `xml:"size"`
	Location    xmlLocation `xml:"location"`
	Format      xmlFormat   `xml:"format"`
}

type xmlVersion struct {
	Epoch   string `xml:"epoch,attr"`
	Version string `xml:"ver,attr"`
	Release string `xml:"rel,attr"`
}

type xmlSum struct {
	Type  string `xml:"type,attr"`
	PkgID string `xml:"pkgid,attr,omitempty"`
	Sum   string `xml:",chardata"`
}

type xmlTime struct {
	File  int64 `xml:"file,attr"`
	Build int64 `xml:"build,attr"`
}

type xmlSize struct {
	Package   int64 `xml:"package,attr"`
	Installed int64 `xml:"installed,attr"`
	Archive   int64 `xml:"archive,attr"`
}

type xmlLocation struct {
	Href string `xml:"href,attr"`
}

type xmlFormat struct {
	License     string         `xml:"rpm:license"`
	Vendor      string         `xml:"rpm:vendor"`
	Group       string         `xml:"rpm:group"`
	BuildHost   string         `xml:"rpm:buildhost"`
	SourceRPM   string         `xml:"rpm:sourcerpm"`
	HeaderRange xmlRange       `xml:"rpm:header-range"`
	Relations   []xmlRelations // each named by itself
	Files       []xmlFile      `xml:"file"`
}

type xmlRange struct {
	Start int `xml:"start,attr"`
	End   int `xml:"end,attr"`
}

type xmlRelations struct {
	XMLName xml.Name
	Entries []xmlEntry `xml:"rpm:entry"`
}

type xmlEntry struct {
	Name    string `xml:"name,attr"`
	Flags   string `xml:"flags,attr,omitempty"`
	Epoch   string `xml:"epoch,attr,omitempty"`
	Version string `xml:"ver,attr,omitempty"`
	Release string `xml:"rel,attr,omitempty"`
}

type xmlFile struct {
	Type string `xml:"type,attr,omitempty"`
	Path string `xml:",chardata"`
}

type xmlID struct {
	PkgID   string     `xml:"pkgid,attr"`
	Name    string     `xml:"name,attr"`
	Arch    string     `xml:"arch,attr"`
	Version xmlVersion `xml:"version"`
}

type xmlFilelists struct {
	XMLName   xml.Name   `xml:"filelists"`
	Namespace string     `xml:"xmlns,attr"`
	Count     int        `xml:"packages,attr"`
	Packages  []xmlFiles `xml:"package"`
}

type xmlFiles struct {
	xmlID
	Files []xmlFile `xml:"file"`
}

type xmlOther struct {
	XMLName   xml.Name     `xml:"otherdata"`
	Namespace string       `xml:"xmlns,attr"`
	Count     int          `xml:"packages,attr"`
	Packages  []xmlChanges `xml:"package"`
}

type xmlChanges struct {
	xmlID
	Changes []xmlChange `xml:"changelog"`
}

type xmlChange struct {
	Author string `xml:"author,attr"`
	Date   int64  `xml:"date,attr"`
	Text   string `xml:",chardata"`
}
