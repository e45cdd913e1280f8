package hosts

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// The judges of Debian 14: its lintian and rpmlint of the packages, firewalld, ufw
// and SELinux's policy of what docs/hosts.md has administrators tell them.
func TestJudgesOfDebian14(t *testing.T) {
	need.Superuser(t)
	t.Parallel()
	h := hosts.Host(t, "forky", lab.Judge)
	t.Run("lintian", func(t *testing.T) {
		h := h.For(t)
		expect(t, "what lintian says", h.Run("lintian --allow-root --fail-on error,warning "+onHosts+"/*_"+version+"_*.deb"), "")
	})
	t.Run("rpmlint", func(t *testing.T) {
		h := h.For(t)
		out := h.Run("cd /srv/tree; rpmlint -c packaging/rpmlint.toml " + onHosts + "/*-" + version + "-*.rpm")
		if !strings.Contains(out, " 0 errors, 0 warnings,") {
			t.Errorf("rpmlint:\n%s", out)
		}
	})
	install(h, version)
	t.Run("firewalld", func(t *testing.T) {
		h := h.For(t)
		h.UntilContains("running", "firewall-cmd --state 2>&1")
		letsBalancersIn(t, h, "firewall-cmd ")
		h.Run("systemctl stop firewalld")
	})
	t.Run("ufw", func(t *testing.T) {
		h := h.For(t)
		h.Run("ufw --force enable")
		letsBalancersIn(t, h, "ufw ")
	})
	t.Run("SELinux", func(t *testing.T) { letsHAProxyConnect(t, h.For(t)) })
}

// documented are the lines of docs/hosts.md that begin so.
func documented(t *testing.T, begin string) (lines []string) {
	t.Helper()
	for line := range strings.Lines(need.Read(t, "docs", "hosts.md")) {
		if strings.HasPrefix(line, begin) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	if len(lines) == 0 {
		t.Fatalf("docs/hosts.md has no line that begins with %q", begin)
	}
	return lines
}

// letsBalancersIn lets a firewall keep this machine, which plays the balancer, out,
// and let it in by the documented lines.
func letsBalancersIn(t *testing.T, h *lab.Host, begin string) {
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	if conn, err := hosts.Dial(ctx, "tcp", net.JoinHostPort(h.Address, "9777")); err == nil {
		answer, _ := io.ReadAll(conn)
		t.Fatalf("the firewall keeps nobody out: the agent answers %q", answer)
	}
	for _, line := range documented(t, begin) {
		h.Run(strings.ReplaceAll(line, "10.42.42.1 ", "10.77.0.1 "))
	}
	h.UntilAnswers("FAIL", "9777")
}

// letsHAProxyConnect asks the policy what haproxy_t may connect to, before and after
// the documented lines.
func letsHAProxyConnect(t *testing.T, h *lab.Host) {
	const port = "seinfo --portcon=9777 | grep 'tcp 9777 ' || true"
	const all = "sesearch -A -s haproxy_t -t unreserved_port_t -c tcp_socket -p name_connect -b haproxy_connect_all_tcp_ports; " +
		"seinfo -x --bool=haproxy_connect_all_tcp_ports | grep bool"
	const rule = "allow haproxy_t port_type:tcp_socket name_connect; [ haproxy_connect_all_tcp_ports ]:True\n   bool haproxy_connect_all_tcp_ports "
	expect(t, "the port before", h.Run(port), "")
	expect(t, "all ports before", h.Run(all), rule+"false;\n")
	expect(t, "the ports that haproxy_t may connect to", h.Run("sesearch -A -s haproxy_t -t http_port_t -c tcp_socket -p name_connect | grep -cF 'allow haproxy_t http_port_t:tcp_socket { name_bind name_connect };'"), "1\n")
	for _, line := range append(documented(t, "semanage "), documented(t, "setsebool ")...) {
		if !strings.Contains(line, "# on RHEL") { // whose policy has another name for it
			h.Run(line)
		}
	}
	expect(t, "the port after", h.Run(port), "   portcon tcp 9777 system_u:object_r:http_port_t:s0\n")
	expect(t, "all ports after", h.Run(all), rule+"true;\n")
}
