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

	"github.com/epicfilemcnulty/hapgent/internal/release"
	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// roles is the folder with the role, as ansible-galaxy installs it from the archive
// of a release of this tree. The collection is beside it, in collections.
func roles(t *testing.T) string {
	t.Helper()
	installing.Do(func() {
		makeArchives(t, work)
		need.Command(t, "ansible-galaxy", "ansible-core")
		role, collection := filepath.Join(work, "hapgent-ansible-role-"+newVersion(t)+".tar.gz"), filepath.Join(work, "epicfilemcnulty-hapgent-"+newVersion(t)+".tar.gz")
		write(t, filepath.Join(work, "requirements.yml"), "roles:\n  - src: file://"+role+"\n    name: hapgent\ncollections:\n  - name: "+collection+"\n    type: file\n")
		command(t, work, "ansible-galaxy", "role", "install", "-r", "requirements.yml", "-p", filepath.Join(work, "roles"))
		command(t, work, "ansible-galaxy", "collection", "install", "-r", "requirements.yml", "-p", filepath.Join(work, "collections"))
	})
	dir := filepath.Join(work, "roles")
	if _, err := os.Stat(filepath.Join(dir, "hapgent", "tasks")); err != nil {
		t.Fatal(err)
	}
	return dir
}

var installing sync.Once

// makeArchives makes the role's archives from the tree, including what is not
// committed.
func makeArchives(t *testing.T, dir string) {
	t.Helper()
	tree := need.CopyOfTree(t)
	for _, args := range [][]string{{"init"}, {"add", "--all"}, {"-c", "user.name=t", "-c", "user.email=t", "-c", "commit.gpgsign=false", "commit", "--message", "t"}} {
		command(t, tree, append([]string{"git"}, args...)...)
	}
	s, err := build.At(tree)
	if err != nil {
		t.Fatal(err)
	}
	w, err := build.NewWorkshop(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.BuildAll(t.Context(), release.RoleTargets(false), dir); err != nil {
		t.Fatal(err)
	}
}

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
collections_path = %[3]s
remote_user = ops
private_key_file = %[1]s/key
nocows = true
timeout = 120
inject_facts_as_vars = false
deprecation_warnings = true
[privilege_escalation]
become = true
[ssh_connection]
pipelining = true
ssh_args = -o UserKnownHostsFile=%[1]s/known_hosts -o StrictHostKeyChecking=yes -o ControlMaster=auto -o ControlPersist=60s
`, f.dir, roles(t), filepath.Join(work, "collections")))
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

// oldest is this machine's, core 2.14. All tests share the hosts for 2.19 and 2.22,
// to save the time of booting.
var oldest controller

func middle(t *testing.T) controller { return controller{theLab.Shared(t, "trixie", lab.Controller)} }
func newest(t *testing.T) controller { return controller{theLab.Shared(t, "forky", lab.Controller)} }

func (c controller) command(f *fleet, args ...string) *exec.Cmd {
	args = append([]string{"env", "HOME=/root", "LC_ALL=C.UTF-8", "ANSIBLE_CONFIG=" + f.path("ansible.cfg"), "ansible-playbook"}, args...)
	if c.host == nil {
		// connections are shared by address, and the hosts of another lab may have the same
		return theLab.Command(append([]string{"env", "ANSIBLE_SSH_CONTROL_PATH_DIR=" + f.path("cp")}, args...)...)
	}
	return c.host.Command(args...)
}

// collectionName begins the names of the collection's role and playbooks.
const collectionName = "epicfilemcnulty.hapgent."

// play runs a playbook, which must succeed: one of the fleet's folder, one of the
// role's, or one of the collection's by its name.
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
	if strings.HasPrefix(playbook, collectionName) {
		path = playbook
	} else if _, err := os.Stat(path); err != nil {
		path = filepath.Join(roles(f.t), "hapgent", "playbooks", playbook)
	}
	cmd := c.command(f, append([]string{path}, args...)...)
	out, err := cmd.CombinedOutput()
	p := &played{t: f.t, output: string(out)}
	if strings.Contains(p.output, "DEPRECATION WARNING") {
		f.t.Errorf("%s uses what will not be there for long:\n%s", playbook, p.output)
	}
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

// played is the output of a run of Ansible.
type played struct {
	t         *testing.T
	output    string
	processor time.Duration // of this machine, with all children
}

var recap = regexp.MustCompile(`(?m)^(\S+) +: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)`)

// changed is the number of tasks that changed something, by host.
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
