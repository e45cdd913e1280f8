package release

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

const roleFolder = "ansible"

// RoleTargets are the archives of the Ansible role: as a role, and as a collection.
// If checked, the role must accept the agent of its source.
func RoleTargets(checked bool) []build.Target {
	return []build.Target{
		{Name: "Ansible role", Build: func(ctx context.Context, w *build.Workshop, directory string) error {
			if checked {
				if err := checkRole(ctx, w); err != nil {
					return err
				}
			}
			return buildRole(ctx, w, directory)
		}},
		{Name: "Ansible collection", Build: buildCollection},
	}
}

// buildRole makes an archive of the role.
func buildRole(ctx context.Context, w *build.Workshop, directory string) error {
	tracked, err := roleMembers(ctx, w, "hapgent/")
	if err != nil {
		return err
	}
	return writeTarball(filepath.Join(directory, "hapgent-ansible-role-"+w.Version+".tar.gz"), tracked, w.Time)
}

// roleMembers are the files that git tracks of the role, in a folder of an archive.
func roleMembers(ctx context.Context, w *build.Workshop, folder string) ([]member, error) {
	files, err := w.Files(ctx, roleFolder)
	if err != nil {
		return nil, err
	}
	return members(w, files, roleFolder+"/", folder)
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
	defaults, path, err := readDefaults(s)
	if err != nil {
		return "", err
	}
	if sum, err = agentSum(ctx, w); err != nil {
		return "", err
	}
	return sum, os.WriteFile(path, roleChecksum.ReplaceAll(defaults, []byte(checksumLine(sum))), 0o644)
}

// checkRole refuses a role that would refuse the agent.
func checkRole(ctx context.Context, w *build.Workshop) error {
	defaults, _, err := readDefaults(w.Source)
	if err != nil {
		return err
	}
	sum, err := agentSum(ctx, w)
	if err != nil {
		return err
	}
	if found := string(roleChecksum.Find(defaults)); found != checksumLine(sum) {
		return fmt.Errorf("it has %q, and its agent has the sum %s: `make role-checksum` writes it", found, sum)
	}
	return nil
}

// agentSum is the sum of the agent in the role.
func agentSum(ctx context.Context, w *build.Workshop) (string, error) {
	agent, err := w.Program(ctx, build.Agent, build.Architectures[0])
	if err != nil {
		return "", err
	}
	return digest(agent)
}

func checksumLine(sum string) string { return "hapgent_checksum: " + sum }

func readDefaults(s build.Source) (text []byte, path string, err error) {
	path = filepath.Join(s.Root, roleFolder, "defaults", "main.yml")
	text, err = os.ReadFile(path)
	if err == nil && len(roleChecksum.FindAll(text, -1)) != 1 {
		err = fmt.Errorf("%s/defaults/main.yml must have one line %q", roleFolder, checksumLine("…"))
	}
	return text, path, err
}
