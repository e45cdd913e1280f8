package repository

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

func TestByHand(t *testing.T) {
	need.Superuser(t)
	h := hosts.Host(t, "bookworm", lab.Server)
	web.connect(t, h)
	web.publish(t, h, who.Dist())
	install(t, h, "By hand")
	if got := h.Run("/usr/local/sbin/hapgent --version"); got != "hapgent "+version+"\n" {
		t.Errorf("installed is %q", got)
	}
	steps := lines(t, "By hand")[2:]
	download, sum, signature := steps[0].Text, steps[1].Text, steps[2].Text
	t.Run("binary changed", func(t *testing.T) {
		dist := copyOfDist(t)
		change(t, dist, "hapgent")
		web.publish(t, h, dist)
		h.Run(download)
		refuses(t, h, sum, "hapgent: FAILED", "computed checksum did NOT match")
		refuses(t, h, signature, "incorrect signature")
	})
	t.Run("checksum changed", func(t *testing.T) {
		dist := copyOfDist(t)
		text := string(read(t, dist, "hapgent.sha256"))
		digit := map[bool]string{true: "1", false: "0"}[text[0] == '0']
		do(t, os.WriteFile(filepath.Join(dist, "hapgent.sha256"), []byte(digit+text[1:]), 0o644))
		web.publish(t, h, dist)
		h.Run(download)
		refuses(t, h, sum, "hapgent: FAILED", "computed checksum did NOT match")
	})
	t.Run("signature changed", func(t *testing.T) {
		dist := copyOfDist(t)
		change(t, dist, "hapgent.sig")
		web.publish(t, h, dist)
		h.Run(download + "; " + sum)
		refuses(t, h, signature, "ignature")
		// that of another file
		do(t, os.WriteFile(filepath.Join(dist, "hapgent.sig"), read(t, dist, "hapgent-arm64.sig"), 0o644))
		h.Run(download)
		refuses(t, h, signature, "incorrect signature")
	})
}

// The lines of the README, where git finds the releaser's tree in the place of the
// published one.
func TestFromSource(t *testing.T) {
	need.Superuser(t)
	commands := "set -e; mount -t tmpfs tmpfs /usr/local/sbin\n"
	for _, c := range lines(t, "From source") {
		commands += c.Text + "\n"
	}
	cmd := exec.Command(need.Command(t, "unshare", "util-linux"), "--mount", "bash", "-c", commands+"/usr/local/sbin/hapgent --version")
	cmd.Dir = t.TempDir()
	cmd.Env = append(need.Unmade(), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url.file://"+who.Tree+".insteadOf",
		"GIT_CONFIG_VALUE_0=https://github.com/epicfilemcnulty/hapgent", "GIT_ADVICE=0")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "hapgent "+version+"\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
