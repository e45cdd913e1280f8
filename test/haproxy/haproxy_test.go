// Package haproxy tests the agent and its examples with a real HAProxy: it checks
// the output of the stats socket, and which requests HAProxy serves.
package haproxy

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// patience is how long anything may take that is sure to come.
const patience = 3 * time.Minute

// statsSocket is the path in configurations that each test replaces by its own.
const statsSocket = "/run/haproxy/admin.sock"

const basicConfig = `
global
	stats socket ` + statsSocket + ` level admin
defaults
	mode http
	timeout connect 30s
	timeout client 30s
	timeout server 30s
	timeout check 30s
`

// oneServer is a backend with one server, web/a, whose agent this is.
func oneServer(t *testing.T, a *instance, options string) string {
	t.Helper()
	return basicConfig + "backend web\n" + serverLine(t, options+" "+a.check())
}

// serverLine is a server named a that is healthy.
func serverLine(t *testing.T, options string) string {
	t.Helper()
	return "\tserver a " + startService(t) + " check inter 1s " + options + "\n"
}

type balancer struct {
	t      *testing.T
	socket string
}

// startHAProxy starts HAProxy, which must have no warning for the configuration, and
// waits until it can be asked.
func startHAProxy(t *testing.T, config string) *balancer {
	t.Helper()
	return startHAProxyWith(t, config, "-dW")
}

func startHAProxyWith(t *testing.T, config string, options ...string) *balancer {
	t.Helper()
	dir := shortDir(t)
	b := &balancer{t, filepath.Join(dir, "stats")}
	file := filepath.Join(dir, "haproxy.cfg")
	writeFile(t, file, strings.ReplaceAll(config, statsSocket, b.socket))
	start(t, exec.Command(need.Command(t, "haproxy", "haproxy"), append(options, "-db", "-f", file)...))
	eventually(t, func() error {
		conn, err := net.Dial("unix", b.socket)
		if err == nil {
			conn.Close()
		}
		return err
	})
	return b
}

// eventually tries until there is no error.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still, after %v: %v", patience, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// command gives a command to the stats socket and returns its output.
func (b *balancer) command(command string) string {
	b.t.Helper()
	conn, err := net.Dial("unix", b.socket)
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintln(conn, command)
	out, err := io.ReadAll(conn)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(out)
}

// fields are columns of "show stat" and "show servers state", by their names in
// the first (status, weight, slim, agent_status...) and in the second
// (srv_op_state, srv_admin_state, srv_uweight...).
type fields map[string]string

// servers are all servers, as backend/server.
func (b *balancer) servers() map[string]fields {
	b.t.Helper()
	all := map[string]fields{}
	_, states, _ := strings.Cut(b.command("show servers state"), "\n") // the first line is a version
	for _, row := range table(b.t, states, ' ') {
		all[row["be_name"]+"/"+row["srv_name"]] = row
	}
	for _, row := range table(b.t, b.command("show stat"), ',') {
		if server := all[row["pxname"]+"/"+row["svname"]]; server != nil {
			maps.Copy(server, row)
		}
	}
	return all
}

func table(t *testing.T, text string, separator rune) (rows []fields) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "# ")))
	r.Comma, r.FieldsPerRecord = separator, -1
	records, err := r.ReadAll()
	if err != nil || len(records) == 0 {
		t.Fatalf("not a table of HAProxy's: %v: %q", err, text)
	}
	for _, record := range records[1:] {
		row := fields{}
		for i, name := range records[0] {
			if i < len(record) {
				row[name] = record[i]
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// expect waits until the server's fields are as wanted.
func (b *balancer) expect(server string, want fields) {
	b.t.Helper()
	b.expectAll(map[string]fields{server: want})
}

func (b *balancer) expectAll(want map[string]fields) {
	b.t.Helper()
	eventually(b.t, func() error {
		servers := b.servers()
		for _, name := range slices.Sorted(maps.Keys(want)) {
			for field, value := range want[name] {
				if found := servers[name][field]; found != value {
					return fmt.Errorf("server %s: expected %s %q, found %q", name, field, value, found)
				}
			}
		}
		return nil
	})
}
