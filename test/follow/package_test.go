package follow

import (
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/built"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

// Followed services and timers while the package is upgraded, removed, installed again
// and purged: the services never notice.
func TestPackageComesAndGoes(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		followed(h)
		units := "systemctl list-units --all --plain --no-legend --state=active 'hapgent-*' | cut -d ' ' -f 1 | sort | paste -s -d ' '"
		const all = "hapgent-agents.target hapgent-follow@web.service hapgent-weight.timer hapgent-weight@9777.timer\n"
		dpkg := "dpkg --install " + built.Deb(onHosts, "hapgent", version) + " </dev/null"
		h.Run("systemctl enable --quiet --now hapgent-weight.timer hapgent-weight@9777.timer; echo SOURCE=true >/etc/default/hapgent-weight; touch /etc/default/hapgent-weight@9777")
		pid := h.Run("systemctl show -P MainPID web")
		for _, step := range []struct{ name, command, units string }{
			{"at first", "true", all},
			{"after an upgrade", dpkg, all},
			{"after a remove", "apt-get remove -y hapgent", "\n"},
			{"after an install", dpkg, all},
		} {
			h.Run(step.command)
			expect(t, "what is active "+step.name, h.Run(units), step.units)
			expect(t, "the service "+step.name, h.Run("systemctl show -P MainPID web"), pid)
		}
		expect(t, "the answer", h.Ask("9777"), "UP")
		expect(t, "what was said meanwhile", h.Run("journalctl --quiet --no-pager -o cat -t hapgent-follow"), "")

		h.Run("apt-get remove -y hapgent; systemctl stop web; " + dpkg) // it stays stopped
		expect(t, "what is active where the service is not", h.Run(units+"; systemctl is-active web || true"), "hapgent-weight.timer hapgent-weight@9777.timer\ninactive\n")

		h.Run("systemctl start web; systemctl stop web; apt-get purge -y hapgent")
		expect(t, "what is left after a purge", h.Run("ls -d /var/lib/hapgent* /usr/libexec/hapgent /etc/default/hapgent* /etc/systemd/system/*/hapgent* 2>/dev/null || true; "+units), "\n")
		h.Run("systemctl start web")
	})
}
