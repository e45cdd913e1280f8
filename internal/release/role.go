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

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

const roleFolder = "ansible"

// role is the Ansible role as an archive, of what git tracks of it. That of a
// release, which is checked, must accept the agent.
type role struct{ checked bool }

func (role) String() string { return "Ansible role" }

func (t role) Build(ctx context.Context, w *build.Workshop, directory string) (err error) {
	if t.checked {
		if err := checkRole(ctx, w); err != nil {
			return err
		}
	}
	files, err := w.Files(ctx, roleFolder)
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(directory, "hapgent-ansible-role-"+w.Version+".tar.gz"))
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(z)
	for _, file := range files {
		if err := addToRole(archive, w, file); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), z.Close(), f.Close())
}

// addToRole adds a file as git sees it: it may be executed, or not.
func addToRole(archive *tar.Writer, w *build.Workshop, file string) error {
	path := filepath.Join(w.Root, file)
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%q is not a regular file", file)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	mode := int64(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	header := &tar.Header{
		Name: "hapgent/" + strings.TrimPrefix(file, roleFolder+"/"), Size: int64(len(content)), Mode: mode, ModTime: w.Time, Format: tar.FormatUSTAR,
	}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err = archive.Write(content)
	return err
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
