package hosts

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// The commands of docs/operating.md do what it says, on a host with a fresh
// installation. There is a service to deploy, and no HAProxy to wait for.
func TestOperatingAsDocumented(t *testing.T) {
	commands := need.Console(t, filepath.Join(need.Root(t), "docs", "operating.md"))
	if len(commands) < 30 {
		t.Fatalf("only %d commands found", len(commands))
	}
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		h.Write("/etc/systemd/system/my-service.service", "[Service]\nExecStart=/opt/my-service infinity\n")
		h.Run("for copy in /root/my-service.new /opt/my-service; do cp /bin/sleep $copy; done; systemctl daemon-reload; systemctl start my-service")
		for _, c := range commands {
			out, _ := h.Try("export WAIT=0; exec 2>&1; " + c.Text)
			if got, want := timeless(out), timeless(c.Prints); got != want {
				t.Errorf("docs/operating.md:%d: %s\nprints\n%swant\n%s", c.Line, c.Text, got, want)
			}
		}
	})
}

var (
	timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)
	asked     = regexp.MustCompile(`(?m)^  asked by .*\n`)
)

// timeless removes the times from hapgentctl's table.
func timeless(text string) string {
	return asked.ReplaceAllString(timestamp.ReplaceAllString(text, "2026-11-28 12:00:00"), "")
}
