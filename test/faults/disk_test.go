package faults

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// Each round kills an agent that saves as fast as it can.
func TestKilledWhileSaving(t *testing.T) {
	const rounds = 500
	file := stateFile(t, busyUpJSON)
	temporary := filepath.Join(filepath.Dir(file), ".state.json.tmp")
	left := 0
	for round := range rounds {
		a := start(t, file)
		if _, err := os.Lstat(temporary); err == nil {
			t.Fatalf("round %d: a temporary file is left after the next start", round)
		}
		end := time.Now().Add(time.Duration(rand.N(20_000)) * time.Microsecond)
		for s := syscall.SIGUSR1; ; s ^= syscall.SIGUSR1 ^ syscall.SIGUSR2 {
			a.signal(s)
			if time.Now().After(end) {
				break
			}
			time.Sleep(time.Duration(rand.N(1000)) * time.Microsecond)
		}
		a.kill()
		if got := contents(t, file); got != busyUpJSON && got != busyDownJSON {
			t.Fatalf("round %d: the file holds %q", round, got)
		}
		if _, err := os.Lstat(temporary); err == nil {
			left++
		}
	}
	t.Logf("%d rounds, %d of them left a temporary file to the next start", rounds, left)
	if left == 0 {
		t.Error("no round was killed within a save: the test does not show anything")
	}
}

func TestDiskFull(t *testing.T) {
	dir := folder(t)
	mount(t, "tmpfs", dir, "tmpfs", 0, "size=64k,mode=0777")
	file := filepath.Join(dir, "state.json")
	write(t, file, busyUpJSON)
	a := start(t, file, unprivileged(t))
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 512); err == nil; {
		_, err = filler.Write(block)
	}
	filler.Close()
	a.signal(syscall.SIGUSR2)
	a.untilLogged("SIGUSR2: DOWN 77% maxconn:300, was UP 77% maxconn:300, NOT saved to " + file + ": no space left on device")
	if got := contents(t, file); got != busyUpJSON {
		t.Errorf("the old file became %q", got)
	}
	if got := a.answer(); got != busyDown {
		t.Errorf("answers %q: the state in memory does not stand", got)
	}
	os.Remove(filler.Name())
	a.signal(syscall.SIGUSR2)
	a.until("saves once there is room", func() bool { return contents(t, file) == busyDownJSON })
	onlyFile(t, file)
}

// onlyFile tells that a save left nothing beside the file.
func onlyFile(t *testing.T, file string) {
	t.Helper()
	if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 1 {
		t.Errorf("beside the state file there are %v", entries)
	}
}

func TestDirectoryReadOnly(t *testing.T) {
	file := stateFile(t, busyUpJSON)
	os.Chown(file, nobody, nobody)
	a := start(t, file, unprivileged(t)) // the directory is root's
	a.signal(syscall.SIGUSR2)
	a.untilLogged("saved to " + file + ", overwritten in place, since its directory does not let it be replaced: permission denied")
	if got := contents(t, file); got != busyDownJSON {
		t.Errorf("the file holds %q", got)
	}
	onlyFile(t, file)
}

func TestFileSystemReadOnly(t *testing.T) {
	file := stateFile(t, busyUpJSON)
	dir := filepath.Dir(file)
	mount(t, dir, dir, "", syscall.MS_BIND, "")
	a := start(t, file)
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	a.signal(syscall.SIGUSR2)
	a.untilLogged("NOT saved to " + file + ": read-only file system")
	if got := a.answer(); got != busyDown {
		t.Errorf("answers %q: the state in memory does not stand", got)
	}
}

// As in a container into which only the file is mounted.
func TestFileIsAMountOfItsOwn(t *testing.T) {
	file := stateFile(t, busyUpJSON)
	mount(t, stateFile(t, busyUpJSON), file, "", syscall.MS_BIND, "")
	a := start(t, file)
	a.signal(syscall.SIGUSR2)
	a.untilLogged("overwritten in place, since its directory does not let it be replaced: device or resource busy")
	if got := contents(t, file); got != busyDownJSON {
		t.Errorf("the file holds %q", got)
	}
}

func TestFileUnwritable(t *testing.T) {
	file := stateFile(t, busyUpJSON)
	a := start(t, file, unprivileged(t))
	a.signal(syscall.SIGUSR2)
	a.untilLogged("SIGUSR2: DOWN 77% maxconn:300, was UP 77% maxconn:300, NOT saved to " + file + ": permission denied")
	if got := a.answer(); got != busyDown {
		t.Errorf("answers %q: the state in memory does not stand", got)
	}
	if got := contents(t, file); got != busyUpJSON {
		t.Errorf("the file holds %q", got)
	}
}

func TestOwnerAndModeAreKept(t *testing.T) {
	file := stateFile(t, busyUpJSON)
	os.Chown(file, 1234, 4321)
	os.Chmod(file, 0o640)
	a := start(t, file)
	a.signal(syscall.SIGUSR2)
	a.untilLogged("saved to " + file)
	st := info(t, file)
	if st.Uid != 1234 || st.Gid != 4321 || st.Mode&0o777 != 0o640 {
		t.Errorf("owner %d, group %d, mode %o, want 1234, 4321, 640", st.Uid, st.Gid, st.Mode&0o777)
	}
}

func info(t *testing.T, path string) *syscall.Stat_t {
	t.Helper()
	i, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return i.Sys().(*syscall.Stat_t)
}

// An unprivileged agent may not give files away; atomic goes before owner.
func TestOwnerCannotBeKept(t *testing.T) {
	file := stateFile(t, busyUpJSON)
	os.Chmod(filepath.Dir(file), 0o777)
	a := start(t, file, unprivileged(t))
	a.signal(syscall.SIGUSR2)
	a.untilLogged("saved to " + file + ", but its owner could not be kept: operation not permitted")
	if got := contents(t, file); got != busyDownJSON {
		t.Errorf("the file holds %q", got)
	}
}

func TestFileIsNoStateFile(t *testing.T) {
	dir := folder(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	os.Mkdir(in("directory"), 0o755)
	os.Symlink("nowhere", in("dangling"))
	os.Symlink("loop", in("loop"))
	write(t, in("empty"), "")
	write(t, in("large"), "")
	os.Truncate(in("large"), 1<<30)
	if err := syscall.Mkfifo(in("fifo"), 0o666); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		in("missing"):   "no such file or directory",
		in("directory"): "expected a regular file, found a directory",
		in("dangling"):  "no such file or directory",
		in("loop"):      "too many levels of symbolic links",
		in("fifo"):      "expected a regular file, found a FIFO",
		"/dev/zero":     "expected a regular file, found a device",
		in("empty"):     `1:1: expected "{", found the end of the file`,
		in("large"):     "larger than 4096 bytes",
	} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			good := stateFile(t, busyUpJSON)
			link := filepath.Join(folder(t), "link")
			os.Symlink(good, link)
			a := start(t, link)
			os.Remove(link)
			os.Symlink(path, link)
			a.signal(syscall.SIGHUP)
			a.untilAnswer("FAIL")
			a.untilLogged("SIGHUP: FAIL, was " + busyUp + ", since it cannot be read: " + link)
			if !strings.Contains(a.log.String(), want) {
				t.Errorf("the log does not say %q", want)
			}
			os.Remove(link)
			os.Symlink(good, link)
			a.signal(syscall.SIGHUP)
			a.untilAnswer(busyUp)
		})
		t.Run(filepath.Base(path)+" at start", func(t *testing.T) {
			if a := start(t, path); a.answer() != "FAIL" {
				t.Errorf("answers %q", a.answer())
			}
		})
	}
}

func TestFileVanishesWhileItIsRead(t *testing.T) {
	file := stateFile(t, busyUpJSON)
	a := start(t, file)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		os.Remove(file)
		a.signal(syscall.SIGHUP)
		write(t, file+".new", busyDownJSON)
		os.Rename(file+".new", file)
		if got := a.answer(); got != busyUp && got != busyDown && got != "FAIL" {
			t.Fatalf("answers %q", got)
		}
	}
	a.signal(syscall.SIGHUP)
	a.untilAnswer(busyDown)
}

// Writers that do not replace the file whole can be caught in the middle: what
// is read then is no state, and never half of one.
func TestFileWrittenInPieces(t *testing.T) {
	file := stateFile(t, busyUpJSON)
	a := start(t, file)
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for n := range len(busyDownJSON) {
		f.Truncate(0)
		f.WriteAt([]byte(busyDownJSON[:n]), 0)
		a.signal(syscall.SIGHUP)
		a.until("has read it", func() bool { return strings.Count(a.log.String(), "SIGHUP") == n+1 })
		want := "FAIL"
		if n == len(busyDownJSON)-1 { // only the newline is missing
			want = busyDown
		}
		if got := a.answer(); got != want {
			t.Errorf("of %q it makes %q, want %q", busyDownJSON[:n], got, want)
		}
	}
}

func TestTwoAgentsWithOneFile(t *testing.T) {
	file := stateFile(t, busyUpJSON)
	agents := []*agent{start(t, file), start(t, file)}
	for n := range 100 {
		s := []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2}[n%2]
		for _, a := range agents {
			a.signal(s)
		}
		if got := contents(t, file); got != busyUpJSON && got != busyDownJSON {
			t.Fatalf("the file holds %q", got)
		}
		time.Sleep(time.Millisecond)
	}
	for _, a := range agents {
		a.untilAnswer(busyDown)
		a.until("has saved", func() bool { return contents(t, file) == busyDownJSON })
		if strings.Contains(a.log.String(), "NOT saved") {
			t.Error("a save failed")
		}
	}
}

// hungDisk is a folder on a disk that hangs, once hang is called, until the end of
// the test: ext4 on a loop device, frozen. A separate process thaws it even if the
// test is killed, since a process that waits for a frozen disk cannot be ended.
func hungDisk(t *testing.T) (dir string, hang, thaw func()) {
	t.Helper()
	need.Superuser(t)
	dir = folder(t)
	image := filepath.Join(folder(t), "disk")
	write(t, image, "")
	if err := os.Truncate(image, 16<<20); err != nil {
		t.Fatal(err)
	}
	run := func(command ...string) {
		t.Helper()
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", command, err, out)
		}
	}
	run(need.Command(t, "mkfs.ext4", "e2fsprogs"), "-q", image)
	run(need.Command(t, "mount", "mount"), "-o", "loop", image, dir)
	freeze := need.Command(t, "fsfreeze", "util-linux")
	guard := exec.Command("sh", "-c", "read end; "+freeze+" --unfreeze "+dir+" 2>/dev/null; umount --lazy "+dir)
	end, err := guard.StdinPipe() // which ends with this process, at the latest
	if err == nil {
		guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // no Ctrl-C for it
		err = guard.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end.Close()
		guard.Wait()
	})
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir, func() { run(freeze, "--freeze", dir) }, func() { run(freeze, "--unfreeze", dir) }
}

// DOWN keeps traffic away after a second even if the keeper is busy: here it hangs
// in an earlier save.
func TestDiskHangsWhileASecondSignalComes(t *testing.T) {
	dir, hang, thaw := hungDisk(t)
	file := filepath.Join(dir, "state.json")
	write(t, file, busyUpJSON)
	a := start(t, file)
	hang()
	a.signal(syscall.SIGUSR1) // the keeper hangs
	time.Sleep(100 * time.Millisecond)
	a.signal(syscall.SIGUSR2)
	a.untilAnswer(busyDown)
	thaw()
	a.until("saves", func() bool { return contents(t, file) == busyDownJSON })
	a.untilLogged("SIGUSR2: " + busyDown)
	if got := a.answer(); got != busyDown {
		t.Errorf("answers %q once the disk is back", got)
	}
}

// An end after a save that hangs comes within a bound, and says what is lost.
func TestDiskHangsWhileItIsToEnd(t *testing.T) {
	dir, hang, thaw := hungDisk(t)
	file := filepath.Join(dir, "state.json")
	write(t, file, busyUpJSON)
	a := start(t, file)
	hang()
	a.signal(syscall.SIGUSR2)
	a.untilAnswer(busyDown)
	a.signal(syscall.SIGTERM)
	if got := a.answer(); got != busyDown {
		t.Errorf("answers %q while it waits for the disk", got)
	}
	a.untilLogged("SIGTERM: ended without waiting longer for " + file + ", which may not hold " + busyDown)
	thaw() // what hangs in the kernel ends no sooner
	if status := a.exitStatus(); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
}

// accessList is a POSIX ACL as the kernel takes it, acl(5): the owner may write, a
// user of its own and the mask may too, the group and others may not even read.
func accessList(user uint32) []byte {
	list := []byte{2, 0, 0, 0}
	for _, entry := range []struct {
		tag, rights uint16
		id          uint32
	}{{1, 6, ^uint32(0)}, {2, 6, user}, {4, 0, ^uint32(0)}, {16, 6, ^uint32(0)}, {32, 0, ^uint32(0)}} {
		list = binary.LittleEndian.AppendUint16(list, entry.tag)
		list = binary.LittleEndian.AppendUint16(list, entry.rights)
		list = binary.LittleEndian.AppendUint32(list, entry.id)
	}
	return list
}

const accessListName = "system.posix_acl_access"

func TestAccessListIsKept(t *testing.T) {
	dir := folder(t)
	mount(t, "tmpfs", dir, "tmpfs", 0, "size=64k,mode=0777")
	file := filepath.Join(dir, "state.json")
	write(t, file, busyUpJSON)
	os.Chown(file, 1234, 4321)
	want := accessList(1000)
	if err := syscall.Setxattr(file, accessListName, want, 0); err != nil {
		t.Fatal(err)
	}
	a := start(t, file)
	a.signal(syscall.SIGUSR2)
	a.untilLogged("SIGUSR2: ")
	a.signal(syscall.SIGUSR1)
	a.untilLogged("SIGUSR1: ")
	got := make([]byte, 100)
	n, err := syscall.Getxattr(file, accessListName, got)
	if err != nil || !bytes.Equal(got[:max(n, 0)], want) {
		t.Errorf("the access list became %x, %v, want %x", got[:max(n, 0)], err, want)
	}
	if st := info(t, file); st.Uid != 1234 || st.Gid != 4321 {
		t.Errorf("owner %d, group %d", st.Uid, st.Gid)
	}
}

// A file in a directory with a default ACL gets that when it is made.
func TestNobodyGetsMoreRightsByASave(t *testing.T) {
	dir := folder(t)
	mount(t, "tmpfs", dir, "tmpfs", 0, "size=64k,mode=0777")
	file := filepath.Join(dir, "state.json")
	write(t, file, busyUpJSON)
	os.Chmod(file, 0o660)
	if err := syscall.Setxattr(dir, "system.posix_acl_default", accessList(1000), 0); err != nil {
		t.Fatal(err)
	}
	a := start(t, file)
	a.signal(syscall.SIGUSR2)
	a.untilLogged("SIGUSR2: ")
	if n, err := syscall.Getxattr(file, accessListName, make([]byte, 100)); err != syscall.ENODATA {
		t.Errorf("it has an access list of %d bytes, %v, and had none", n, err)
	}
	b := start(t, file, unprivileged(t)) // which cannot keep the group
	b.signal(syscall.SIGUSR1)
	b.untilLogged("its owner could not be kept")
	if mode := info(t, file).Mode & 0o777; mode != 0o600 {
		t.Errorf("mode 660 of another group became %o, want 600", mode)
	}
}

// A full copy-on-write disk has no room even to overwrite a file.
func TestOverwritingIsCutShort(t *testing.T) {
	prlimit := need.Command(t, "prlimit", "util-linux")
	file := stateFile(t, busyUpJSON)
	os.Chown(file, nobody, nobody)
	a := start(t, file, unprivileged(t), func(c *exec.Cmd) { // the directory is root's
		c.Path, c.Args = prlimit, []string{prlimit, "--fsize=10", c.Path}
	})
	a.signal(syscall.SIGUSR2)
	a.untilLogged("NOT saved to " + file + ": overwritten in place, and cut short, so that it may hold no state: no space left on device")
	if got := a.answer(); got != busyDown {
		t.Errorf("answers %q", got)
	}
}
