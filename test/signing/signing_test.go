// Package signing tests hapgent-sign with the installed OpenSSH: it writes what
// ssh-keygen writes or accepts, reads the keys that ssh-keygen makes, and signs by a
// real ssh-agent.
package signing

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/testing/testagent"
	"github.com/epicfilemcnulty/hapgent/test/internal/debian"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// bin is the folder of the programs under test.
var bin string

func TestMain(m *testing.M) {
	os.Exit(need.Programs(m, &bin, "hapgent-sign", "hapgent-verify", "./internal/testing/testkms/sigstore-kms-hapgenttest"))
}

// bench is a folder in which commands run, with an environment of its own.
type bench struct {
	*testing.T
	dir     string
	env     []string
	openssh *debian.Tree // nil: the machine's
}

func newBench(t *testing.T) *bench {
	t.Helper()
	need.Command(t, "ssh-keygen", "openssh-client")
	dir := t.TempDir()
	return &bench{T: t, dir: dir, env: []string{"HOME=" + dir, "PATH=" + bin + ":" + os.Getenv("PATH"), "SSH_ASKPASS_REQUIRE=never"}}
}

// command is a command of the bench that has not run yet.
func (b *bench) command(name string, arguments ...string) *exec.Cmd {
	if filepath.Dir(name) == "." && strings.HasPrefix(name, "hapgent-") {
		name = filepath.Join(bin, name)
	}
	cmd := exec.Command(name, arguments...)
	if b.openssh != nil && strings.HasPrefix(name, "ssh-") {
		cmd = b.openssh.Command(name, arguments...)
	}
	cmd.Dir, cmd.Env = b.dir, b.env
	return cmd
}

// run runs a command that must succeed, and returns its output.
func (b *bench) run(name string, arguments ...string) string {
	b.Helper()
	out, err := b.command(name, arguments...).CombinedOutput()
	if err != nil {
		b.Fatalf("%s %q: %v\n%s", name, arguments, err, out)
	}
	return string(out)
}

// fails runs a command that must end with the status, and returns its output.
func (b *bench) fails(status int, name string, arguments ...string) string {
	b.Helper()
	cmd := b.command(name, arguments...)
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != status {
		b.Fatalf("%s %q: status %d, want %d\n%s", name, arguments, got, status, out)
	}
	return string(out)
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) write(name string, data []byte) {
	b.Helper()
	if err := os.WriteFile(b.path(name), data, 0o600); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) read(name string) []byte {
	b.Helper()
	data, err := os.ReadFile(b.path(name))
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// keygen makes a key pair, NAME and NAME.pub.
func (b *bench) keygen(name string, arguments ...string) {
	b.Helper()
	b.run("ssh-keygen", append([]string{"-q", "-f", name, "-C", "", "-N", ""}, arguments...)...)
}

// verified fails unless ssh-keygen and sha256sum take what was signed.
func (b *bench) verified(file, publicKey, namespace string) {
	b.Helper()
	b.write("signers", append([]byte("me@example.org "), b.read(publicKey)...))
	b.verifiedBy("signers", file, namespace)
}

func (b *bench) verifiedBy(signers, file, namespace string) {
	b.Helper()
	if err := b.sshKeygenVerify(signers, file, namespace); err != nil {
		b.Error(err)
	}
	b.run("sha256sum", "--quiet", "--strict", "-c", file+".sha256")
	b.run("hapgent-verify", "-f", signers, "-n", namespace, file)
}

func (b *bench) sshKeygenVerify(signers, file, namespace string) error {
	cmd := b.command("ssh-keygen", "-Y", "verify", "-f", signers, "-I", "me@example.org", "-n", namespace, "-s", file+".sig")
	cmd.Stdin = bytes.NewReader(b.read(file))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ssh-keygen: %w\n%s", err, out)
	}
	return nil
}

// agent serves a test agent and points the bench's environment at it.
func (b *bench) agent(a *testagent.Agent) {
	b.Helper()
	socket := b.path("agent.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go a.Serve(l)
	b.env = append(b.env, "SSH_AUTH_SOCK="+socket)
}

func authorized(key ssh.PublicKey) []byte { return ssh.MarshalAuthorizedKey(key) }
