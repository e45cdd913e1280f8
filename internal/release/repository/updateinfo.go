package repository

import (
	"encoding/xml"
	"strings"
	"time"
)

// Security is what a version has mended, for `dnf upgrade --security`.
type Security struct {
	Version string // as packages have it
	Time    time.Time
	Text    string
}

type xmlUpdates struct {
	XMLName xml.Name    `xml:"updates"`
	Updates []xmlUpdate `xml:"update"`
}

type xmlUpdate struct {
	From        string          `xml:"from,attr"`
	Status      string          `xml:"status,attr"`
	Type        string          `xml:"type,attr"`
	Version     string          `xml:"version,attr"`
	ID          string          `xml:"id"`
	Title       string          `xml:"title"`
	Issued      xmlDate         `xml:"issued"`
	Severity    string          `xml:"severity"`
	Description string          `xml:"description"`
	Packages    []xmlUpdateFile `xml:"pkglist>collection>package"`
}

type xmlDate struct {
	Date string `xml:"date,attr"`
}

type xmlUpdateFile struct {
	Name    string `xml:"name,attr"`
	Version string `xml:"version,attr"`
	Release string `xml:"release,attr"`
	Epoch   string `xml:"epoch,attr"`
	Arch    string `xml:"arch,attr"`
	File    string `xml:"filename"`
}

// updates are advisories, each of a version whose packages are in the repository.
func (y Yum) updates(packages []xmlPackage) (all xmlUpdates) {
	for _, s := range y.Security {
		one := xmlUpdate{
			From: "hapgent", Status: "final", Type: "security", Version: "1", ID: "hapgent-" + s.Version, Severity: "Important",
			Title: "hapgent " + s.Version, Issued: xmlDate{s.Time.UTC().Format(time.DateTime)}, Description: s.Text,
		}
		for _, p := range packages {
			if v := p.Version; v.Version == s.Version {
				file := strings.TrimPrefix(p.Location.Href, "packages/")
				one.Packages = append(one.Packages, xmlUpdateFile{p.Name, v.Version, v.Release, v.Epoch, p.Arch, file})
			}
		}
		if one.Packages != nil {
			all.Updates = append(all.Updates, one)
		}
	}
	return all
}
