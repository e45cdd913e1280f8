// Package image tests the container image of the agent with podman of Debian 13.
package image

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/epicfilemcnulty/hapgent/internal/release"
	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

var (
	image string // the OCI layout that the tests look at
	hosts *lab.Lab
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (status int) {
	directory, err := os.MkdirTemp("", "hapgent-image")
	defer os.RemoveAll(directory)
	image = filepath.Join(directory, "image")
	if err == nil {
		err = makeImage(image)
	}
	if err == nil {
		hosts, err = lab.New(image + ":/srv/run/image")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := hosts.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}()
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

// Another build gives the same bytes, and replaces the earlier one.
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

// containers are the settings of podman for a host that is a container itself: no
// keyring, no limit of processes, no overlay file system.
const containers = "[containers]\nkeyring = false\npids_limit = 0\n"
const storage = "[storage]\ndriver = \"vfs\"\nrunroot = \"/run/containers/storage\"\ngraphroot = \"/var/lib/containers/storage\"\n"

func host(t *testing.T) *lab.Host {
	t.Helper()
	h := hosts.Shared(t, "trixie", lab.Container)
	h.Write("/etc/containers/containers.conf", containers)
	h.Write("/etc/containers/storage.conf", storage)
	return h
}

// As process 1, or below an init, it obeys signals and ends by itself; the state is on
// a volume, for the next container. The first is run as documented, except for the
// network, which podman may not set up here.
func TestStateOnAVolume(t *testing.T) {
	h := host(t)
	documented := regexp.MustCompile("(?m)^podman .*$").FindAllString(need.Read(t, "docs", "hosts.md"), -1)
	answers := []string{"FAIL", "UP"} // after the run, and after USR1
	if len(documented) != len(answers) {
		t.Fatalf("docs/hosts.md has the lines %q", documented)
	}
	for i, line := range documented {
		h.Run("cd /srv; " + strings.ReplaceAll(line, "--publish 9777:9777", "--network host"))
		h.UntilAnswers(answers[i], "9777")
	}
	stop(t, h, "hapgent")
	run := func(name, options string) {
		h.Run("podman run --detach --network host --volume hapgent:/etc/hapgent --name " + name + " " + options + " oci:/srv/run/image:" + need.Source(t).Version)
	}
	run("second", "--init --read-only --cap-drop all")
	h.UntilAnswers("UP", "9777")
	h.Run("podman kill --signal USR2 second")
	h.UntilAnswers("DOWN", "9777")
	if user := h.Run("grep ^Uid: /proc/$(podman inspect --format '{{.State.Pid}}' second)/status"); user != "Uid:\t65534\t65534\t65534\t65534\n" {
		t.Errorf("it is not the user 65534: %q", user)
	}
	stop(t, h, "second")
	run("third", "")
	h.UntilAnswers("DOWN", "9777")
	stop(t, h, "third")
}

// stop ends a container as every runtime does, by TERM, and by KILL after minutes.
func stop(t *testing.T, h *lab.Host, name string) {
	t.Helper()
	h.Run("podman stop --time 120 " + name)
	if status := h.Run("podman inspect --format '{{.State.ExitCode}}' " + name); status != "0\n" {
		t.Errorf("%s ended with status %s", name, status)
	}
}

// A mounted file cannot be replaced: it is overwritten in place.
func TestStateInAMountedFile(t *testing.T) {
	h := host(t)
	h.Write("/root/state.json", `{"status":"UP","weight":77}`)
	h.Run("chown 65534:65534 /root/state.json; podman run --detach --network host --env HAPGENT_PORT=9778 --volume /root/state.json:/etc/hapgent/state.json " +
		"--name file oci:/srv/run/image:" + need.Source(t).Version)
	h.UntilAnswers("UP 77%", "9778")
	h.Run("podman kill --signal USR2 file")
	h.UntilAnswers("DOWN 77%", "9778")
	h.UntilContains(`"DOWN"`, "cat /root/state.json")
	stop(t, h, "file")
}
