package release

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

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
	tracked, err := roleMembers(ctx, w)
	if err != nil {
		return err
	}
	for i := range tracked {
		tracked[i].name = "hapgent/" + tracked[i].name
	}
	return writeTarball(filepath.Join(directory, "hapgent-ansible-role-"+w.Version+".tar.gz"), tracked, w.Time)
}

// member is a file of an archive, or a folder, whose name ends with a slash.
type member struct {
	name       string
	content    []byte
	executable bool
}

// roleMembers are the files that git tracks of the role, named as in it.
func roleMembers(ctx context.Context, w *build.Workshop) (all []member, err error) {
	files, err := w.Files(ctx, roleFolder)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		path := filepath.Join(w.Root, file)
		info, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%q is not a regular file", file)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		all = append(all, member{strings.TrimPrefix(file, roleFolder+"/"), content, info.Mode()&0o100 != 0})
	}
	return all, nil
}

// writeTarball writes an archive that depends on nothing but its members, as git
// sees them: a file may be executed, or not.
func writeTarball(path string, members []member, at time.Time) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(z)
	for _, m := range members {
		header := &tar.Header{Name: m.name, Size: int64(len(m.content)), Mode: 0o644, ModTime: at, Format: tar.FormatUSTAR}
		if m.executable || strings.HasSuffix(m.name, "/") {
			header.Mode = 0o755
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(m.content); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), z.Close(), f.Close())
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
