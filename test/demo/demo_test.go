// Package demo tests `make demo`: it runs through its minute, HAProxy's own page
// shows what it says, and it leaves nothing behind.
package demo

import (
	"bytes"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

var update = flag.Bool("update", false, "rewrite the golden file, and docs/stats.png")

// patience is how long anything may take that is sure to come.
const patience = 3 * time.Minute

// tree is a copy of the source tree in which the agent is built, and treeFiles
// what was in it then.
var tree, treeFiles string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "hapgent-test")
	if err == nil {
		defer os.RemoveAll(dir)
		tree, err = dir, prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func prepare(dir string) error {
	s, err := build.Here()
	if err != nil {
		return err
	}
	if err := need.CopyTree(s.Root, dir); err != nil {
		return err
	}
	build := exec.Command("make", "build")
	build.Dir, build.Env = dir, need.Unmade()
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("make build: %w\n%s", err, out)
	}
	treeFiles, err = files(dir)
	return err
}

// files lists a tree with times and sizes, but for run/, where make builds.
func files(dir string) (string, error) {
	find := exec.Command("find", ".", "-path", "./run", "-prune", "-o", "-type", "f", "-printf", "%p %s %t\n")
	find.Dir = dir
	out, err := find.Output()
	return string(out), err
}

// marker is in the environment of all that a demo starts.
const marker = "HAPGENT_TEST_DEMO="

// demo is a run of it.
type demo struct {
	t     *testing.T
	cmd   *exec.Cmd
	port  int
	tmp   string // its TMPDIR
	id    string // its marker's value
	out   need.Output
	ended chan struct{}
}

// start starts a demo by a command, such as `make demo`, as a user without any
// privilege, in a process group of its own as a terminal's shell does.
func start(t *testing.T, command string, environment ...string) *demo {
	t.Helper()
	d := &demo{t: t, port: freePorts(t), tmp: t.TempDir(), ended: make(chan struct{})}
	d.id = fmt.Sprintf("%d-%d", os.Getpid(), d.port)
	for _, needed := range []string{"haproxy", "curl"} {
		need.Command(t, needed, needed)
	}
	args := []string{"bash", "-c", "exec " + command}
	if os.Getuid() == 0 {
		args = append([]string{need.Command(t, "unshare", "util-linux"), "--user", "--map-user=1000", "--map-group=1000"}, args...)
	}
	d.cmd = exec.Command(args[0], args[1:]...)
	d.cmd.Dir, d.cmd.Stdout, d.cmd.Stderr = tree, &d.out, &d.out
	d.cmd.Env = append(need.Unmade(), marker+d.id, "TMPDIR="+d.tmp, "DEMO_PORT="+strconv.Itoa(d.port))
	d.cmd.Env = append(d.cmd.Env, environment...)
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.ended)
		d.cmd.Wait()
	}()
	t.Cleanup(func() {
		for _, pid := range d.processes() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		<-d.ended
		if t.Failed() {
			t.Logf("%s:\n%s", command, d.out.String())
		}
	})
	return d
}

// freePorts is the first of four ports that are free wherever a demo listens. They
// are below those that the kernel gives to clients.
func freePorts(t *testing.T) int {
	t.Helper()
	for range 100 {
		first := 12000 + (os.Getpid()%1000*16+int(lastPorts.Add(4)))%20000
		if portsAreFree(first) {
			return first
		}
	}
	t.Fatal("no four ports are free")
	return 0
}

var lastPorts atomic.Int64

func portsAreFree(first int) bool {
	for port := first; port < first+4; port++ {
		for _, host := range []string{"127.0.0.1", "127.0.0.11", "127.0.0.12", "127.0.0.13"} {
			l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
			if err != nil {
				return false
			}
			l.Close()
		}
	}
	return true
}

// processes are those that the demo has started, and that still run.
func (d *demo) processes() (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range all {
		environment, _ := os.ReadFile(file)
		if bytes.Contains(environment, []byte(marker+d.id+"\x00")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// until waits for a text in the output.
func (d *demo) until(text string) {
	d.t.Helper()
	eventually(d.t, func() error {
		if out := d.out.String(); !strings.Contains(out, text) {
			return fmt.Errorf("the demo has not printed %q", text)
		}
		return nil
	})
}

// killed is the status of what a signal has ended.
const killed = -1

// ends waits for the end with that status, after which nothing is left.
func (d *demo) ends(status int) {
	d.t.Helper()
	select {
	case <-d.ended:
		if got := d.cmd.ProcessState; got.ExitCode() != status {
			d.t.Errorf("the demo ended with %v, want status %d", got, status)
		}
	case <-time.After(patience):
		d.t.Fatalf("the demo still runs after %v", patience)
	}
	d.leavesNothing()
}

func (d *demo) leavesNothing() {
	d.t.Helper()
	for _, pid := range d.processes() {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		d.t.Errorf("the demo left process %d: %q", pid, line)
	}
	left, err := os.ReadDir(d.tmp)
	if err != nil || len(left) > 0 {
		d.t.Errorf("the demo left files: %v %v", left, err)
	}
	if !portsAreFree(d.port) {
		d.t.Error("the demo left a port taken")
	}
	if now, err := files(tree); err != nil || now != treeFiles {
		d.t.Errorf("the demo changed the tree, which has %v\n%s\nwhere it had\n%s", err, now, treeFiles)
	}
}

func eventually(t *testing.T, try func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for err := try(); err != nil; err = try() {
		if time.Now().After(deadline) {
			t.Fatalf("still, after %v: %v", patience, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// normal is the output with names in place of what differs in each run.
func (d *demo) normal() string {
	text := d.out.String()
	for i, name := range []string{"STATS", "SITE", "SERVICE", "AGENT"} {
		text = strings.ReplaceAll(text, strconv.Itoa(d.port+i), name)
	}
	text = strings.ReplaceAll(text, d.tmp, "/tmp")
	for _, replace := range [][2]string{
		{`hapgent-demo\.\w+`, "hapgent-demo.XXXXXX"},
		{`pid \d+`, "pid PID"},
		{`kill (-\w+ )?\d+`, "kill ${1}PID"},
		{`(?m)^ +\d+ (web.)`, "  N $1"},
		{`Meanwhile \d+ requests`, "Meanwhile N requests"},
	} {
		text = regexp.MustCompile(replace[0]).ReplaceAllString(text, replace[1])
	}
	return text
}
