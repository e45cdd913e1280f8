package haproxy

import (
	"fmt"
	"testing"
)

// Agent and operator set the same flags, so which words undo what an operator
// did is worth knowing.

func TestUpLeavesOperatorsDisableServer(t *testing.T) {
	t.Parallel()
	a := startAgent(t, `{"status":"UP","weight":10}`)
	b := startHAProxy(t, oneServer(t, a, "weight 100"))
	b.expect("web/a", fields{"status": "UP", "srv_uweight": "10"})
	b.command("disable server web/a")
	a.change(t, `{"status":"UP","weight":20}`)
	b.expect("web/a", fields{"srv_uweight": "20"})
	b.expect("web/a", fields{"status": "MAINT"})
}

func TestReadyUndoesOperatorsDisableServer(t *testing.T) {
	t.Parallel()
	a := startAgent(t, `{"status":"UP"}`)
	b := startHAProxy(t, oneServer(t, a, "weight 100"))
	b.command("disable server web/a")
	b.expect("web/a", fields{"status": "MAINT"})
	a.change(t, `{"status":"READY"}`)
	b.expect("web/a", fields{"status": "UP"})
}

func TestUpDoesNotReplaceHealthCheck(t *testing.T) {
	t.Parallel()
	a := startAgent(t, `{"status":"UP","weight":10}`)
	host := newHost()
	b := startHAProxy(t, oneServer(t, a, "weight 100")+fmt.Sprintf("\tserver ill %s check inter 100ms weight 100 %s\n", address(host, freePort(t, host)), a.check()))
	b.expectAll(map[string]fields{"web/a": {"status": "UP"}, "web/ill": {"status": "DOWN", "check_status": "L4CON"}})
	a.change(t, `{"status":"UP","weight":20}`)
	b.expect("web/ill", fields{"srv_uweight": "20"})
	b.expect("web/ill", fields{"status": "DOWN", "agent_status": "L7OK"})
}
