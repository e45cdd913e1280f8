package packaging

import (
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// instanceOf has the lines of an instance's unit that differ from the unit's.
var instanceOf = map[string]string{
	"Description=hapgent, agent for HAProxy":           "Description=hapgent %i, agent for HAProxy",
	"Description=Socket of hapgent, agent for HAProxy": "Description=Socket of hapgent %i, agent for HAProxy",
	"ListenStream=0.0.0.0:9777":                        "ListenStream=0.0.0.0:%i",
	"EnvironmentFile=-/etc/default/hapgent":            "EnvironmentFile=-/etc/default/hapgent@%i",
	"Environment=HAPGENT_UNIT=%N GOMAXPROCS=2":         "Environment=HAPGENT_UNIT=%N GOMAXPROCS=2 HAPGENT_PORT=%i HAPGENT_STATE_FILE=/etc/hapgent/%i.json",
	"AssertPathIsDirectory=!/etc/default/hapgent":      "AssertPathIsDirectory=!/etc/default/hapgent@%i",
}

// An instance is the same service under another name: no directive is given to
// one of them only.
func TestInstancesDifferFromTheServiceInNamesOnly(t *testing.T) {
	for _, kind := range []string{"service", "socket"} {
		var want strings.Builder
		for line := range strings.Lines(need.Read(t, "packaging", "systemd", "hapgent."+kind)) {
			line = strings.TrimSuffix(line, "\n")
			if other, ok := instanceOf[line]; ok {
				line = other
			}
			want.WriteString(line + "\n")
		}
		if got := need.Read(t, "packaging", "systemd", "hapgent@."+kind); got != want.String() {
			t.Errorf("packaging/systemd/hapgent@.%s is\n%swant\n%s", kind, got, want.String())
		}
	}
}
