package release

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

const roleFolder = "ansible"

// RoleTargets are the Ansible role for those who install roles, and for those who
// install collections. Checked, it must accept the agent of its source.
func RoleTargets(checked bool) []build.Target {
	return []build.Target{role{checked}, collection{}}
}

// role is the Ansible role as an archive, of what git tracks of it. That of a
// release, which is checked, must accept the agent.
type role struct{ checked bool }

func (role) String() string { return "Ansible role" }

func (t role) Build(ctx context.Context, w *build.Workshop, directory string) error {
	if t.checked {
		if err := checkRole(ctx, w); err != nil {
			return err
		}
	}
	files, err := w.Files(ctx, roleFolder)
	if err != nil {
		return err
	}
	tracked, err := members(w, files, roleFolder+"/", "hapgent/")
	if err != nil {
		return err
	}
	return writeTarball(filepath.Join(directory, "hapgent-ansible-role-"+w.Version+".tar.gz"), tracked, w.Time)
}

// roleMembers are the files that git tracks of the role, named as in it.
func roleMembers(ctx context.Context, w *build.Workshop) ([]member, error) {
	files, err := w.Files(ctx, roleFolder)
	if err != nil {
		return nil, err
	}
	return members(w, files, roleFolder+"/", "")
}

var roleChecksum = regexp.MustCompile(`(?m)^hapgent_checksum:.*$`)

// RoleChecksum writes the SHA-256 sum of the agent for amd64 into the defaults of
// the Ansible role, and returns it.
func RoleChecksum(ctx context.Context, s build.Source) (sum string, err error) {
	w, err := workshop(ctx, s)
	if err != nil {
		return "", err
	}
	defer w.Close()
	directory, err := w.Temporary()
	if err != nil {
		return "", err
	}
	program, err := build.ProgramOf(roleProgram)
	if err != nil {
		return "", err
	}
	a, err := build.ArchitectureOf(plainArchitecture)
	if err != nil {
		return "", err
	}
	agent := filepath.Join(directory, roleProgram)
	if err := w.Build(ctx, program, a, agent); err != nil {
		return "", err
	}
	if sum, err = digest(agent); err != nil {
		return "", err
	}
	defaults, path, err := readDefaults(s)
	if err != nil {
		return "", err
	}
	return sum, os.WriteFile(path, roleChecksum.ReplaceAll(defaults, []byte(checksumLine(sum))), 0o644)
}

// roleProgram is what the role installs.
const roleProgram = "hapgent"

func checksumLine(sum string) string { return "hapgent_checksum: " + sum }

func readDefaults(s build.Source) (text []byte, path string, err error) {
	path = filepath.Join(s.Root, roleFolder, "defaults", "main.yml")
	text, err = os.ReadFile(path)
	if err == nil && len(roleChecksum.FindAll(text, -1)) != 1 {
		err = fmt.Errorf("%s/defaults/main.yml must have one line %q", roleFolder, checksumLine("…"))
	}
	return text, path, err
}

// digest is the SHA-256 sum of a file, in hexadecimal.
func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return fmt.Sprintf("%x", sum.Sum(nil)), err
}

// checkRole refuses a role that would refuse the agent.
func checkRole(ctx context.Context, w *build.Workshop) error {
	defaults, _, err := readDefaults(w.Source)
	if err != nil {
		return err
	}
	a, err := build.ArchitectureOf(plainArchitecture)
	if err != nil {
		return err
	}
	built, err := w.Programs(ctx, a)
	if err != nil {
		return err
	}
	sum, err := digest(filepath.Join(built, roleProgram))
	if err != nil {
		return err
	}
	if found := string(roleChecksum.Find(defaults)); found != checksumLine(sum) {
		return fmt.Errorf("it has %q, and the agent that it is for has the sum %s: `make role-checksum` writes it", found, sum)
	}
	return nil
}
