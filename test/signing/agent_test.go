package signing

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

func TestTheSSHAgent(t *testing.T) {
	b := newBench(t)
	b.startSSHAgent()
	b.write("file", []byte("contents\n"))
	for _, kind := range []string{"ed25519", "rsa", "ecdsa"} {
		b.keygen(kind, "-t", kind)
		b.run("ssh-add", "-q", kind)
		b.run("rm", kind)
		b.run("hapgent-sign", "-f", kind+".pub", "--force", "--bundle", "file")
		b.verified("file", kind+".pub", "file")
	}

	// A certificate that was added with its key.
	b.keygen("ca", "-t", "ed25519")
	b.keygen("user", "-t", "ed25519")
	b.run("ssh-keygen", "-q", "-s", "ca", "-I", "id", "-n", "me@example.org", "user.pub")
	b.run("ssh-add", "-q", "user")
	b.run("rm", "user")
	b.run("hapgent-sign", "-f", "user-cert.pub", "--force", "file")
	b.write("signers", append([]byte("*@example.org cert-authority "), b.read("ca.pub")...))
	b.verifiedBy("signers", "file", "file")
}

func TestTheSSHAgentThatDoesNotSign(t *testing.T) {
	b := newBench(t)
	b.startSSHAgent()
	b.write("file", []byte("contents\n"))

	// A key that its owner does not confirm the use of.
	b.keygen("confirm", "-t", "ed25519")
	b.run("ssh-add", "-q", "-c", "confirm")
	b.run("rm", "confirm")
	out := b.fails(1, "hapgent-sign", "-f", "confirm.pub", "file")
	if !strings.Contains(out, "the ssh-agent did not sign") {
		t.Errorf("not confirmed: %s", out)
	}

	// An agent that is locked shows no keys.
	b.answers("lock")
	b.run("ssh-add", "-x")
	out = b.fails(2, "hapgent-sign", "-f", "confirm.pub", "file")
	if !strings.Contains(out, "the ssh-agent does not hold it") {
		t.Errorf("locked: %s", out)
	}
	if _, err := os.Stat(b.path("file.sig")); err == nil {
		t.Error("a signature was written")
	}
}

// An agent accepts the largest message that hapgent-sign sends to it.
func TestTheSSHAgentTakesMessagesOfTheLimit(t *testing.T) {
	b := newBench(t)
	b.startSSHAgent()
	b.keygen("rsa", "-t", "rsa", "-b", "4096")
	b.run("ssh-add", "-q", "rsa")
	b.run("rm", "rsa")
	const limit = 256<<10 - 32<<10
	b.write("file", make([]byte, limit))
	b.run("hapgent-sign", "-f", "rsa.pub", "--bundle", "file")
	b.write("larger", make([]byte, limit+1))
	if out := b.fails(2, "hapgent-sign", "-f", "rsa.pub", "--bundle", "larger"); !strings.Contains(out, "at most 229376 bytes") {
		t.Error(out)
	}
}

// startSSHAgent starts OpenSSH's agent, whose askpass program says no.
func (b *bench) startSSHAgent() {
	b.Helper()
	need.Command(b, "ssh-agent", "openssh-client")
	socket := b.path("ssh-agent.sock")
	cmd := b.command("ssh-agent", "-D", "-a", socket)
	cmd.Env = append(cmd.Env, "SSH_ASKPASS=/bin/false", "SSH_ASKPASS_REQUIRE=force")
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	b.env = append(b.env, "SSH_AUTH_SOCK="+socket)
	for range 500 {
		if _, err := os.Stat(socket); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Fatal("ssh-agent did not start in ten seconds")
}
