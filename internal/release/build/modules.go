package build

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"slices"
	"strings"
)

// Module is one that a program is made of, with its sum as in go.sum.
type Module struct{ Path, Version, Sum string }

// Linked are the modules that the program was linked of, for any architecture, as
// it says itself.
func (w *Workshop) Linked(ctx context.Context, p Program) (all []Module, err error) {
	for _, a := range Architectures {
		built, err := w.Program(ctx, p, a)
		if err != nil {
			return nil, err
		}
		info, err := buildinfo.ReadFile(built)
		if err != nil {
			return nil, err
		}
		for _, m := range info.Deps {
			all = append(all, Module{m.Path, m.Version, m.Sum})
		}
	}
	return Unique(all), nil
}

// ModulesOf are those of a command that is not released, wherever this runs.
func (s Source) ModulesOf(ctx context.Context, command string) (all []Module, err error) {
	out, err := s.goCommand(ctx, Architectures[0], "list", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}} {{.Sum}}{{end}}", "./cmd/"+command)
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) == 3 {
			all = append(all, Module{fields[0], fields[1], fields[2]})
		}
	}
	return Unique(all), err
}

// Unique sorts modules by their path, and has each once.
func Unique(all []Module) []Module {
	slices.SortFunc(all, func(a, b Module) int { return cmp.Compare(a.Path, b.Path) })
	return slices.Compact(all)
}
