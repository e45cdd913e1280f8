package signing

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// Each state that a kill between the renames can leave, of a file that was
// signed, changed, and was being signed again.
func TestWhatAKillBetweenTheRenamesLeavesVerifiesNowhere(t *testing.T) {
	b := newBench(t)
	b.keygen("key", "-t", "ed25519")
	b.write("signers", append([]byte("me@example.org "), b.read("key.pub")...))
	suffixes := []string{".sigstore.json", ".sha256", ".sig"} // in the order of the renames
	for _, version := range []string{"old", "new"} {
		b.write("file", []byte(version))
		b.run("hapgent-sign", "-f", "key", "--bundle", "--force", "file")
		for _, suffix := range suffixes {
			b.write(version+suffix, b.read("file"+suffix))
		}
	}
	for _, first := range []bool{true, false} { // nothing was signed before, or the old file
		for renamed := range suffixes {
			b.run("rm", "-f", "file.sig", "file.sha256", "file.sigstore.json")
			for i, suffix := range suffixes {
				if i < renamed {
					b.write("file"+suffix, b.read("new"+suffix))
				} else if !first {
					b.write("file"+suffix, b.read("old"+suffix))
				}
			}
			state := fmt.Sprintf("first signing %v, killed after %d renames", first, renamed)
			if b.sshKeygenVerify("signers", "file", "file") == nil {
				t.Errorf("%s: ssh-keygen verifies it", state)
			}
			if b.command("hapgent-verify", "-f", "signers", "file").Run() == nil {
				t.Errorf("%s: hapgent-verify verifies it", state)
			}
		}
	}
}

// Killed at any moment: if the signature verifies the file, so does the sum.
func TestKilledAtAnyMomentTheSignatureComesLast(t *testing.T) {
	b := newBench(t)
	b.keygen("key", "-t", "ed25519")
	b.write("signers", append([]byte("me@example.org "), b.read("key.pub")...))
	finished := 0
	for round := range 60 {
		b.write("file", fmt.Appendf(nil, "version %d", round))
		cmd := b.command("hapgent-sign", "-f", "key", "--force", "file")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if _, err := os.Stat(b.path("file.sig")); err != nil {
			continue
		}
		if b.sshKeygenVerify("signers", "file", "file") == nil {
			finished++
			b.run("sha256sum", "--quiet", "-c", "file.sha256")
		}
	}
	t.Logf("%d of 60 had signed before they were killed", finished)
	if finished == 0 {
		t.Error("none had: the test does not show anything")
	}
}

func TestAFullDiskLeavesTheOldFilesWhole(t *testing.T) {
	b := newBench(t)
	b.keygen("key", "-t", "rsa", "-b", "4096")
	out := b.run("unshare", "--map-root-user", "--mount", "sh", "-ec", `
		mkdir disk
		mount -t tmpfs -o size=64k tmpfs disk
		echo old >disk/file
		hapgent-sign -f key disk/file
		cp disk/file.sig disk/file.sha256 .
		echo new >disk/file
		dd if=/dev/zero of=disk/filler bs=1k 2>/dev/null || true
		hapgent-sign -f key --force disk/file || echo status $?
		cmp disk/file.sig file.sig
		cmp disk/file.sha256 file.sha256
		ls -A disk
	`)
	if !strings.Contains(out, "no space left on device") || !strings.Contains(out, "status 1\n") {
		t.Error(out)
	}
	if !strings.HasSuffix(out, "file\nfile.sha256\nfile.sig\nfiller\n") {
		t.Errorf("something is left on the disk:\n%s", out)
	}
}

// exFAT has neither hard links nor a rename that replaces nothing.
func TestAFileSystemWithoutHardLinks(t *testing.T) {
	need.Superuser(t)
	need.Command(t, "mkfs.exfat", "exfatprogs")
	need.Command(t, "mount.exfat-fuse", "exfat-fuse")
	b := newBench(t)
	b.keygen("key", "-t", "ed25519")
	out := b.run("unshare", "--mount", "sh", "-ec", `
		truncate -s 16M image
		mkfs.exfat image >/dev/null
		mkdir disk
		device=$(losetup --find --show image)
		trap 'cd "$OLDPWD"; umount disk; losetup --detach "$device"' EXIT
		mount.exfat-fuse "$device" disk >/dev/null
		timeout 300 sh -c 'until mountpoint -q disk; do sleep 0.1; done'
		cd disk
		echo content >file
		! ln file link 2>/dev/null
		hapgent-sign -f ../key file
		cp file.sig ..
		! hapgent-sign -f ../key file
		cmp file.sig ../file.sig
		hapgent-sign -f ../key --force --bundle file
		echo changed >file
		hapgent-sign -f ../key --force --bundle file
		sha256sum -c file.sha256
		! cmp file.sig ../file.sig
		ls -A
	`)
	if !strings.HasSuffix(out, "file\nfile.sha256\nfile.sig\nfile.sigstore.json\n") || !strings.Contains(out, `"file.sig" exists: --force replaces it`) {
		t.Error(out)
	}
}

func TestLargeFilesAreStreamed(t *testing.T) {
	b := newBench(t)
	b.keygen("key", "-t", "ecdsa")
	b.write("file", nil)
	if err := os.Truncate(b.path("file"), 256<<20); err != nil {
		t.Fatal(err)
	}
	cmd := b.command("hapgent-sign", "-f", "key", "--bundle", "file")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b.verified("file", "key.pub", "file")
	peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
	t.Logf("256 MiB took %d MiB of memory", peak)
	if peak > 64 {
		t.Errorf("256 MiB took %d MiB of memory", peak)
	}
}
