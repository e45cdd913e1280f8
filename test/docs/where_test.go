package docs

import (
	"regexp"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// The role's README and the main README name the same systems and versions, tried
// and expected.
func TestRoleRunsWhereHapgentDoes(t *testing.T) {
	_, rest, _ := strings.Cut(need.Read(t, "README.md"), "## Where it runs\n")
	where, _, _ := strings.Cut(rest, "\n## ")
	_, rest, _ = strings.Cut(need.Read(t, "ansible", "README.md"), "## Where it runs\n")
	role, _, _ := strings.Cut(rest, "\n## ")
	rows := regexp.MustCompile(`(?m)^\| Debian (\d+) \| (\d+)`).FindAllStringSubmatch(where, -1)
	if len(rows) < 4 {
		t.Fatalf("README.md shows %d releases of Debian in\n%s", len(rows), where)
	}
	debian := "| Debian"
	for i, row := range rows {
		debian += map[bool]string{true: " and ", false: map[bool]string{true: " ", false: ", "}[i == 0]}[i == len(rows)-1] + row[1]
	}
	for _, want := range []string{debian + " |", "systemd " + rows[0][2] + " or later", "RHEL 9 and 10 and their kin", "Fedora"} {
		if !strings.Contains(role, want) {
			t.Errorf("ansible/README.md does not say %q, as README.md does:\n%s", want, role)
		}
	}
	for _, tried := range regexp.MustCompile(`(?:dnf5?|rpm) \d+\.\d+`).FindAllString(role, -1) {
		name, number, _ := strings.Cut(tried, " ")
		if !strings.Contains(where, tried) && !(name == "rpm" && strings.Contains(where, "| "+number+", ")) {
			t.Errorf("ansible/README.md says %s, which README.md does not:\n%s", tried, where)
		}
	}
	for _, want := range []string{"RHEL 9 and 10 and their kin", "Fedora", "Ubuntu", "openSUSE", "systemd " + rows[0][2]} {
		if !strings.Contains(where, want) {
			t.Errorf("README.md does not say %q of where hapgent runs:\n%s", want, where)
		}
	}
}
