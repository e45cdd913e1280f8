// Package image runs the container image of the agent, as podman of Debian does.
package image

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/epicfilemcnulty/hapgent/internal/release"
	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// image is the OCI layout that the tests look at.
var image string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	directory, err := os.MkdirTemp("", "hapgent-image")
	if err == nil {
		defer os.RemoveAll(directory)
		image = filepath.Join(directory, "image")
		err = makeImage(image)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func makeImage(output string) error {
	cmd := exec.Command("make", "--no-print-directory", "image")
	here, err := build.Here()
	if err != nil {
		return err
	}
	cmd.Dir, cmd.Env = here.Root, need.Unmade()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make image: %w\n%s", err, out)
	}
	return os.CopyFS(output, os.DirFS(filepath.Join(here.Root, "run", "image")))
}

// Another build gives the same bytes, and takes the place of what was there.
func TestImageIsReproducible(t *testing.T) {
	again := filepath.Join(t.TempDir(), "image")
	if err := os.MkdirAll(filepath.Join(again, "blobs", "of another"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := release.Image(t.Context(), need.Source(t), again); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("diff", "-r", image, again).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// It is for every architecture, and the bill of materials refers to it.
func TestImageIsForEveryArchitecture(t *testing.T) {
	index, err := layout.ImageIndexFromPath(image)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 2 {
		t.Fatalf("%+v, %v", manifest, err)
	}
	all, attached := manifest.Manifests[0], manifest.Manifests[1]
	images, err := index.ImageIndex(all.Digest)
	if err != nil {
		t.Fatal(err)
	}
	list, err := images.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var found, want []string
	for _, m := range list.Manifests {
		found = append(found, m.Platform.OS+"/"+m.Platform.Architecture)
	}
	for _, a := range build.Architectures {
		want = append(want, "linux/"+a.GOARCH)
	}
	if !slices.Equal(found, want) {
		t.Errorf("it is for %q, want %q", found, want)
	}
	var artifact struct {
		Subject v1.Descriptor
		Layers  []v1.Descriptor
	}
	text, err := os.ReadFile(filepath.Join(image, "blobs", attached.Digest.Algorithm, attached.Digest.Hex))
	if err != nil || json.Unmarshal(text, &artifact) != nil || artifact.Subject.Digest != all.Digest {
		t.Fatalf("%s refers to another image than %s, %v", text, all.Digest, err)
	}
	bill, err := os.ReadFile(filepath.Join(image, "blobs", "sha256", artifact.Layers[0].Digest.Hex))
	if err != nil || !strings.Contains(string(bill), "pkg:golang/stdlib@") {
		t.Errorf("the bill is %.100s, %v", bill, err)
	}
}

// podman keeps all that it has in a folder of the test.
type podman struct {
	t      *testing.T
	folder string
}

func newPodman(t *testing.T) podman {
	t.Helper()
	need.Superuser(t)
	need.Command(t, "runc", "runc")
	need.Command(t, "podman", "podman")
	folder, err := os.MkdirTemp("", "hapgent-podman")
	if err != nil {
		t.Fatal(err)
	}
	p := podman{t, folder}
	t.Cleanup(p.remove)
	p.run("pull", "--quiet", "oci:"+image+":"+need.Source(t).Version)
	return p
}

// remove ends all containers. What podman starts when one has ended may write into
// the folder a little longer.
func (p podman) remove() {
	p.command("rm", "--all", "--force", "--time", "0").Run()
	var err error
	for start := time.Now(); time.Since(start) < 2*time.Minute; time.Sleep(100 * time.Millisecond) {
		if err = os.RemoveAll(p.folder); err == nil {
			return
		}
	}
	p.t.Error(err)
}

// command is one that asks for nothing that a container in a container lacks.
func (p podman) command(args ...string) *exec.Cmd {
	return exec.Command("podman", append([]string{"--root", filepath.Join(p.folder, "root"), "--runroot", filepath.Join(p.folder, "run"),
		"--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--storage-driver", "vfs"}, args...)...)
}

func (p podman) run(args ...string) string {
	p.t.Helper()
	cmd := p.command(args...)
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("podman %q: %v\n%s%s", args, err, out, &problem)
	}
	return strings.TrimSpace(string(out))
}

// start starts a container by the name, which answers at the address.
func (p podman) start(name, address string, options ...string) {
	p.t.Helper()
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		p.t.Fatal(err)
	}
	limit := fmt.Sprint(files.Max)
	args := append([]string{"run", "--detach", "--name", name, "--network", "host", "--env", "HAPGENT_IP=" + address,
		"--ulimit", "nofile=" + limit + ":" + limit, "--ulimit", "nproc=4096:4096"}, options...)
	p.run(append(args, p.run("images", "--quiet"))...)
}

// until waits for an answer.
func until(t *testing.T, address, want string) {
	t.Helper()
	got := ""
	for start := time.Now(); time.Since(start) < 2*time.Minute; time.Sleep(100 * time.Millisecond) {
		conn, err := net.Dial("tcp", address+":9777")
		if err != nil {
			got = err.Error()
			continue
		}
		answer, _ := io.ReadAll(conn)
		conn.Close()
		if got = string(answer); got == want+"\n" {
			return
		}
	}
	t.Fatalf("%s answers %q, want %q", address, got, want)
}

// As process 1, or below an init, it obeys signals and ends by itself; the state is
// on a volume, and there for the next container.
func TestStateOnAVolume(t *testing.T) {
	need.Command(t, "catatonit", "catatonit")
	p := newPodman(t)
	const address = "127.77.9.1"
	volume := []string{"--volume", "states:/etc/hapgent"}
	p.start("first", address, volume...)
	until(t, address, "FAIL")
	p.run("kill", "--signal", "USR1", "first")
	until(t, address, "UP")
	p.stop("first")
	p.start("second", address, append(volume, "--init", "--read-only", "--cap-drop", "all")...)
	until(t, address, "UP")
	p.run("kill", "--signal", "USR2", "second")
	until(t, address, "DOWN")
	if status := need.Read(t, "/proc", p.run("inspect", "--format", "{{.State.Pid}}", "second"), "status"); !strings.Contains(status, "\nUid:\t65534\t65534\t65534\t65534\n") {
		t.Errorf("it is not the user 65534:\n%s", status)
	}
	p.stop("second")
	p.start("third", address, volume...)
	until(t, address, "DOWN")
}

// stop ends a container as every runtime does, by TERM; KILL comes after minutes.
func (p podman) stop(name string) {
	p.t.Helper()
	p.run("stop", "--time", "120", name)
	if status := p.run("inspect", "--format", "{{.State.ExitCode}}", name); status != "0" {
		p.t.Errorf("%s ended with status %s", name, status)
	}
}

// A single file that is mounted cannot be replaced: it is written in place.
func TestStateInAMountedFile(t *testing.T) {
	p := newPodman(t)
	const address = "127.77.9.2"
	state := filepath.Join(p.folder, "state.json")
	if err := os.WriteFile(state, []byte(`{"status":"UP","weight":77}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(state, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	p.start("file", address, "--volume", state+":/etc/hapgent/state.json")
	until(t, address, "UP 77%")
	p.run("kill", "--signal", "USR2", "file")
	until(t, address, "DOWN 77%")
	if text, err := os.ReadFile(state); err != nil || !strings.Contains(string(text), `"DOWN"`) {
		t.Errorf("the file has %s, %v", text, err)
	}
	p.stop("file")
}
