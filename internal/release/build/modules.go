package build

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"slices"
	"strings"
)

// Module is a module of a program, with its sum as in go.sum.
type Module struct{ Path, Version, Sum string }

// Linked are the modules in the program for any architecture, as the program itself
// lists them.
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

// ModulesOf are the modules of a command that is not released, on any machine.
func (s Source) ModulesOf(ctx context.Context, command string) (all []Module, err error) {
	out, err := s.goCommand(ctx, Architectures[0], "list", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}} {{.Sum}}{{end}}", "./cmd/"+command)
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) == 3 {
			all = append(all, Module{fields[0], fields[1], fields[2]})
		}
	}
	return Unique(all), err
}

// Unique sorts modules by their path, and removes duplicates.
func Unique(all []Module) []Module {
	slices.SortFunc(all, func(a, b Module) int { return cmp.Compare(a.Path, b.Path) })
	return slices.Compact(all)
}
