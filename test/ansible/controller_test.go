package ansible

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// roles is the folder with the role, as ansible-galaxy installs it from a tarball
// such as a release has.
func roles(t *testing.T) string {
	t.Helper()
	installing.Do(func() {
		tarball := filepath.Join(work, "role.tar.gz")
		name := "hapgent-ansible-role-" + newVersion(t)
		command(t, need.CopyOfTree(t), "tar", "-czf", tarball, "--dereference", "--transform=s,^ansible,"+name+",", "ansible")
		write(t, filepath.Join(work, "requirements.yml"), "- src: file://"+tarball+"\n  name: hapgent\n")
		need.Command(t, "ansible-galaxy", "ansible-core")
		command(t, work, "ansible-galaxy", "role", "install", "-r", "requirements.yml", "-p", filepath.Join(work, "roles"))
	})
	dir := filepath.Join(work, "roles")
	if _, err := os.Stat(filepath.Join(dir, "hapgent", "tasks")); err != nil {
		t.Fatal(err)
	}
	return dir
}

var installing sync.Once

// fleet is an inventory of hosts, and what Ansible is run with.
type fleet struct {
	t   *testing.T
	dir string // for files of the test, which hosts see
}

// newFleet is the inventory of the hosts, all in the group hapgent, with variables
// for all.
func newFleet(t *testing.T, variables string, hosts ...*lab.Host) *fleet {
	t.Helper()
	f := &fleet{t: t, dir: filepath.Join(work, t.Name())}
	key, knownHosts := theLab.SSH(t)
	inventory := "all:\n  vars:\n" + indent(4, "ansible_python_interpreter: /usr/bin/python3\n"+variables) + "  children:\n    hapgent:\n      hosts:\n"
	for _, h := range hosts {
		inventory += fmt.Sprintf("        %s: {ansible_host: %s}\n", h.Name, h.Address)
	}
	f.write("inventory.yml", inventory)
	f.write("others.ini", "")
	f.write("known_hosts", read(t, knownHosts))
	f.write("key", read(t, key))
	if err := os.Chmod(f.path("key"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.write("ansible.cfg", fmt.Sprintf(`[defaults]
inventory = %[1]s/inventory.yml,%[1]s/others.ini
roles_path = %[2]s
remote_user = ops
private_key_file = %[1]s/key
nocows = true
[privilege_escalation]
become = true
[ssh_connection]
pipelining = true
ssh_args = -o UserKnownHostsFile=%[1]s/known_hosts -o StrictHostKeyChecking=yes -o ControlMaster=auto -o ControlPersist=60s
`, f.dir, roles(t)))
	f.write("site.yml", "- hosts: hapgent\n  gather_subset: ['!all']\n  roles: [hapgent]\n") // the fewest facts, and the quickest
	return f
}

func indent(width int, text string) string {
	return regexp.MustCompile(`(?m)^(.)`).ReplaceAllString(text, strings.Repeat(" ", width)+"$1")
}

func (f *fleet) path(name string) string { return filepath.Join(f.dir, name) }

func (f *fleet) write(name, text string) {
	f.t.Helper()
	write(f.t, f.path(name), text)
}

// vars sets variables of one host.
func (f *fleet) vars(h *lab.Host, variables string) {
	f.t.Helper()
	f.write("host_vars/"+h.Name+".yml", variables)
}

// controller is where Ansible runs: on a host, or, with none, on this machine.
type controller struct{ host *lab.Host }

func (c controller) command(f *fleet, args ...string) *exec.Cmd {
	args = append([]string{"env", "HOME=/root", "LC_ALL=C.UTF-8", "ANSIBLE_CONFIG=" + f.path("ansible.cfg"), "ansible-playbook"}, args...)
	if c.host == nil {
		// connections are shared by address, and the hosts of another lab may have the same
		return theLab.Command(append([]string{"env", "ANSIBLE_SSH_CONTROL_PATH_DIR=" + f.path("cp")}, args...)...)
	}
	return c.host.Command(args...)
}

// play runs a playbook, of the fleet's folder or of the role's, which must succeed.
func (c controller) play(f *fleet, playbook string, args ...string) *played {
	f.t.Helper()
	p, err := c.try(f, playbook, args...)
	if err != nil {
		f.t.Fatalf("%s %s: %v\n%s", playbook, strings.Join(args, " "), err, p.output)
	}
	return p
}

func (c controller) try(f *fleet, playbook string, args ...string) (*played, error) {
	f.t.Helper()
	path := f.path(playbook)
	if _, err := os.Stat(path); err != nil {
		path = filepath.Join(roles(f.t), "hapgent", "playbooks", playbook)
	}
	cmd := c.command(f, append([]string{path}, args...)...)
	out, err := cmd.CombinedOutput()
	p := &played{t: f.t, output: string(out)}
	if cmd.ProcessState != nil {
		p.processor = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	return p, err
}

// set is an argument that sets a variable, to a value in JSON.
func set(variables ...string) []string {
	var args []string
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		args = append(args, "-e", fmt.Sprintf("{%q: %s}", name, value))
	}
	return args
}

// played is what Ansible says of a run.
type played struct {
	t         *testing.T
	output    string
	processor time.Duration // of this machine, with all children
}

var recap = regexp.MustCompile(`(?m)^(\S+) +: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)`)

// changed are the numbers of tasks that changed something, by host.
func (p *played) changed() map[string]int {
	p.t.Helper()
	all := map[string]int{}
	for _, m := range recap.FindAllStringSubmatch(p.output, -1) {
		all[m[1]], _ = strconv.Atoi(m[2])
	}
	if len(all) == 0 {
		p.t.Fatalf("no recap:\n%s", p.output)
	}
	return all
}

func (p *played) expectUnchanged() {
	p.t.Helper()
	for host, n := range p.changed() {
		if n > 0 {
			p.t.Errorf("%s: changed=%d, want 0\n%s", host, n, p.output)
		}
	}
}

func (p *played) expectChanged() {
	p.t.Helper()
	for host, n := range p.changed() {
		if n == 0 {
			p.t.Errorf("%s: changed=0, want more\n%s", host, p.output)
		}
	}
}

// expectAllFailed expects that each host failed, and was reached.
func (p *played) expectAllFailed() {
	p.t.Helper()
	for _, m := range recap.FindAllStringSubmatch(p.output, -1) {
		if m[3] != "0" || m[4] == "0" {
			p.t.Errorf("%s: unreachable=%s failed=%s, want it to fail\n%s", m[1], m[3], m[4], p.output)
		}
	}
}

// expectMatch expects something that each regular expression matches.
func (p *played) expectMatch(expressions ...string) {
	p.t.Helper()
	for _, e := range expressions {
		if !regexp.MustCompile(e).MatchString(p.output) {
			p.t.Errorf("no %s in:\n%s", e, p.output)
		}
	}
}

func (p *played) expect(parts ...string) {
	p.t.Helper()
	for _, part := range parts {
		if !strings.Contains(p.output, part) {
			p.t.Errorf("no %q in:\n%s", part, p.output)
		}
	}
}
