package ansible

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRequirements installs role and collection as README.md says, from a mirror
// of the release, and has the collection verified by its own list of sums.
func TestRequirements(t *testing.T) {
	t.Parallel()
	newest(t) // so that there is a network to serve in
	serveMirror(t)
	requirements := filepath.Join(work, t.Name(), "requirements.yml")
	write(t, requirements, requirementsOf(t, mirror+"/archives"))
	for home, c := range map[string]controller{"/var/tmp/galaxy-oldest": oldest, "/var/tmp/galaxy-newest": newest(t)} {
		run := func(args ...string) string {
			t.Helper()
			cmd := c.galaxy(home, args...)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
			}
			return string(out)
		}
		run("ansible-galaxy", "role", "install", "-r", requirements)
		run("ansible-galaxy", "collection", "install", "-r", requirements)
		if out := run("ansible-galaxy", "collection", "verify", "--offline", "epicfilemcnulty.hapgent"); !strings.Contains(out, "Successfully verified") {
			t.Errorf("ansible-galaxy collection verify: %s", out)
		}
		for _, playbook := range []string{"rolling", "state", "status"} {
			byPath := run("ansible-playbook", "--list-tasks", "-i", "localhost,", home+"/.ansible/roles/hapgent/playbooks/"+playbook+".yml")
			byName := run("ansible-playbook", "--list-tasks", "-i", "localhost,", "epicfilemcnulty.hapgent."+playbook)
			if tasksOf(byName) != tasksOf(byPath) || tasksOf(byName) == "" {
				t.Errorf("%s is\n%s\nby its name, and\n%s\nby its path", playbook, byName, byPath)
			}
		}
	}
}

// tasksOf are the tasks that --list-tasks shows, without the path of the role.
func tasksOf(list string) string {
	_, tasks, _ := strings.Cut(list, "tasks:")
	return regexp.MustCompile(`/\S+ : `).ReplaceAllString(tasks, "")
}

// galaxy is a command of Ansible for a user who has nothing yet.
func (c controller) galaxy(home string, args ...string) *exec.Cmd {
	args = append([]string{"env", "-C", "/", "HOME=" + home, "LC_ALL=C.UTF-8"}, args...)
	if c.host == nil {
		return theLab.Command(args...)
	}
	return c.host.Command(args...)
}

// requirementsOf are README.md's requirements, with another address.
func requirementsOf(t *testing.T, address string) (text string) {
	t.Helper()
	readme := read(t, inTree(t, "ansible", "README.md"))
	for _, block := range regexp.MustCompile("(?s)\n( *)```yaml\n *# requirements.yml\n(.*?)```").FindAllStringSubmatch(readme, -1) {
		text += strings.ReplaceAll("\n"+block[2], "\n"+block[1], "\n")
	}
	release := "https://github.com/epicfilemcnulty/hapgent/releases/download/v" + newVersion(t)
	if strings.Count(text, release) != 2 {
		t.Fatalf("want %s twice in\n%s", release, text)
	}
	return strings.ReplaceAll(text, release, address)
}
