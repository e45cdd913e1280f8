package repository

import (
	"encoding/xml"
	"strings"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

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

// updates are advisories for `dnf upgrade --security`, one for each version that fixes
// a security fault and whose packages are in the repository.
func (y Yum) updates(packages []xmlPackage) (all xmlUpdates) {
	for _, e := range y.Changelog {
		version := build.PackageVersion(e.Version)
		one := xmlUpdate{
			From: "hapgent", Status: "final", Type: "security", Version: "1", ID: "hapgent-" + version, Severity: "Important",
			Title: "hapgent " + version, Issued: xmlDate{e.Date.UTC().Format(time.DateTime)}, Description: strings.Join(e.Security, "\n"),
		}
		for _, p := range packages {
			if v := p.Version; v.Version == version && e.Security != nil {
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
