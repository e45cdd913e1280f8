package demo

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// The size of the window with its frame; what is inside is docs/stats.png.
const width, height = 1120, 490

// row is a server's in the page, as the browser shows it.
type row struct{ Class, Colour, Status, Weight string }

const green, red = "rgb(192, 255, 192)", "rgb(255, 144, 144)"

func up(weight string) row { return row{"active_up", green, "UP", weight + "/" + weight} }

var (
	down = row{"active_down", red, "DOWN (agent) ↑", "100/100"} // the arrow: its health check passes
	// HAProxy has a colour for DRAIN, but not where the server has an agent
	draining = row{"active_up", green, "DRAIN (agent)", "100/100"}
)

// readRow finds the cells by the titles above them.
const readRow = `
	const row = document.getElementsByName("sample/" + arguments[0])[0].closest("tr");
	const titles = [...row.closest("table").querySelectorAll("tr.titre")[1].cells].map(cell => cell.innerText);
	const cell = title => row.cells[titles.indexOf(title) + 1].innerText;
	return {Class: row.className, Colour: getComputedStyle(row).backgroundColor,
		Status: cell("Status").replace(/^\S+ /, ""), Weight: cell("Wght")};`

// expectRow waits until the page, which loads itself anew each second, shows the
// server so.
func (b *browser) expectRow(server string, want row) {
	b.t.Helper()
	eventually(b.t, func() error {
		var got row
		if err := b.evaluate(readRow, &got, server); err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("the page shows %s as %+v, want %+v", server, got, want)
		}
		return nil
	})
}

// agentOf is the process and the state file of a server's agent, as the demo says.
func (d *demo) agentOf(server string) (pid int, file string) {
	d.t.Helper()
	said := regexp.MustCompile(server + `: .* pid (\d+), state (\S+)\n`).FindStringSubmatch(d.out.String())
	if said == nil {
		d.t.Fatalf("the demo does not say what the agent of %s is", server)
	}
	pid, _ = strconv.Atoi(said[1])
	return pid, said[2]
}

func (d *demo) signal(server string, s syscall.Signal) {
	d.t.Helper()
	pid, _ := d.agentOf(server)
	if err := syscall.Kill(pid, s); err != nil {
		d.t.Fatal(err)
	}
}

func (d *demo) change(server, state string) {
	d.t.Helper()
	_, file := d.agentOf(server)
	if err := os.WriteFile(file, []byte(state), 0o644); err != nil {
		d.t.Fatal(err)
	}
	d.signal(server, syscall.SIGHUP)
}

func TestStatsPageShowsEachChange(t *testing.T) {
	t.Parallel()
	d := start(t, "demo/run stay")
	b := openBrowser(t, width, height)
	d.until("until Ctrl-C")
	b.open(fmt.Sprintf("http://127.0.0.1:%d/", d.port))
	for _, server := range []string{"web1", "web2", "web3"} {
		b.expectRow(server, up("100"))
	}
	d.signal("web3", syscall.SIGUSR2)
	b.expectRow("web3", down)
	d.signal("web3", syscall.SIGUSR1)
	b.expectRow("web3", up("100"))
	d.signal("web3", syscall.SIGUSR2)
	b.expectRow("web3", down)
	d.change("web1", `{"status":"UP","weight":25}`)
	b.expectRow("web1", up("25"))
	d.change("web2", `{"status":"DRAIN","weight":100}`)
	b.expectRow("web2", draining)
	b.expectRow("web1", up("25")) // all three at once
	b.expectRow("web3", down)
	expectPicture(t, filepath.Join(need.Root(t), "docs", "stats.png"), b.screenshot())
}

// expectPicture checks that the picture is small enough for a page; its time and its
// counters differ each time.
func expectPicture(t *testing.T, file string, shot []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, shot, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.DecodeConfig(bytes.NewReader(kept)); err != nil || len(kept) > 100_000 {
		t.Errorf("%s: expected a PNG of at most 100,000 bytes, found %d bytes: %v", file, len(kept), err)
	}
}
