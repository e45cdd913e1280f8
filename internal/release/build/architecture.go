package build

import (
	"fmt"
	"slices"
)

// Architecture is an architecture of Linux for which releases are built, with its
// names for Go, Debian and rpm.
type Architecture struct {
	GOARCH string
	GOARM  string // the ARM version, where GOARCH is arm
	Debian string // dpkg --print-architecture
	RPM    string // rpm --eval '%{_arch}'
}

// Architectures are all of them. Programs for the first have plain names.
var Architectures = []Architecture{
	{GOARCH: "amd64", Debian: "amd64", RPM: "x86_64"},
	{GOARCH: "arm64", Debian: "arm64", RPM: "aarch64"},
	{GOARCH: "arm", GOARM: "6", Debian: "armhf", RPM: "armv6hl"},
	{GOARCH: "386", Debian: "i386", RPM: "i386"},
	{GOARCH: "riscv64", Debian: "riscv64", RPM: "riscv64"},
	{GOARCH: "ppc64le", Debian: "ppc64el", RPM: "ppc64le"},
	{GOARCH: "s390x", Debian: "s390x", RPM: "s390x"},
}

// ArchitectureOf finds an architecture by its GOARCH.
func ArchitectureOf(goarch string) (Architecture, error) {
	i := slices.IndexFunc(Architectures, func(a Architecture) bool { return a.GOARCH == goarch })
	if i < 0 {
		return Architecture{}, fmt.Errorf("architecture %q is not released, expected one of %s", goarch, names(Architectures, func(a Architecture) string { return a.GOARCH }))
	}
	return Architectures[i], nil
}
