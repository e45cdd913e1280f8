package release

import (
	"fmt"
	"slices"
)

// Target is an architecture of Linux that releases are built for, by the names
// that each world has for it.
type Target struct {
	GOARCH string
	GOARM  string // the ARM version, where GOARCH is arm
	Debian string // dpkg --print-architecture
	RPM    string // rpm --eval '%{_arch}'
}

// Targets are all of them.
var Targets = []Target{
	{GOARCH: "amd64", Debian: "amd64", RPM: "x86_64"},
	{GOARCH: "arm64", Debian: "arm64", RPM: "aarch64"},
	{GOARCH: "arm", GOARM: "6", Debian: "armhf", RPM: "armv6hl"},
	{GOARCH: "386", Debian: "i386", RPM: "i386"},
	{GOARCH: "riscv64", Debian: "riscv64", RPM: "riscv64"},
	{GOARCH: "ppc64le", Debian: "ppc64el", RPM: "ppc64le"},
	{GOARCH: "s390x", Debian: "s390x", RPM: "s390x"},
}

// TargetOf finds a target by its GOARCH.
func TargetOf(goarch string) (Target, error) {
	i := slices.IndexFunc(Targets, func(t Target) bool { return t.GOARCH == goarch })
	if i < 0 {
		return Target{}, fmt.Errorf("architecture %q is not released, expected one of %s", goarch, names(Targets, func(t Target) string { return t.GOARCH }))
	}
	return Targets[i], nil
}
