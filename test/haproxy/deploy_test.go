package haproxy

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// deploy runs examples/deploy.sh on the host, to deploy the version.
func deploy(t *testing.T, h *host, version string, environment ...string) (output string, err error) {
	t.Helper()
	settings := []string{
		"WAIT=3", // the test's HAProxy asks five times a second
		"HEALTH=curl -fsS http://" + address(h.agent.host, h.ports.service) + "/health",
	}
	return h.run(append(settings, environment...), example(t, "deploy.sh"), "web", "bash", "-c", version+" >version.txt")
}

func TestDeployLosesNoRequest(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	tr := startTraffic(t, s.url)
	for i, agent := range []string{"INSTANCE=", "INSTANCE=web"} {
		if out, err := deploy(t, s.hosts[i], "echo 2", agent); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	s.expectBoth(fields{"status": "UP"})
	during := expectNoLoss(t, tr)
	after := expectNoLoss(t, startTraffic(t, s.url))
	if len(after) != 1 || during["1"] == 0 {
		t.Errorf("expected version 1, then 2 alone, found %v, then %v", during, after)
	}
}

// The test above would see lost requests if deploy.sh did not take the host out.
func TestStopWithoutDeployLosesRequests(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	tr := startTraffic(t, s.url)
	if out, err := s.hosts[0].run(nil, "systemctl", "stop", "web"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	eventually(t, func() error {
		if len(tr.Count().Failures) == 0 {
			return errors.New("no request failed")
		}
		return nil
	})
}

func TestFailedDeployLeavesHostOut(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	tr := startTraffic(t, s.url)
	h := s.hosts[0]
	for _, failure := range []struct{ version, health, step string }{
		{"exit 3; echo 2", "true", "deploying: bash -c exit 3; echo 2 >version.txt"},
		{"echo 2", "false", "waiting up to 1 s for its health: false"},
	} {
		out, err := deploy(t, h, failure.version, "TIMEOUT=1", "HEALTH="+failure.health)
		if want := "failed at: " + failure.step + "; the host stays out of the balancer until the next deployment, or hapgentctl up\n"; err == nil || !strings.HasSuffix(out, want) {
			t.Errorf("expected a failure and %q, found %v and\n%s", want, err, out)
		}
		s.balancer.expectAll(map[string]fields{"sample/srv1": {"status": "DOWN (agent)"}, "sample/srv2": {"status": "UP"}})
	}
	if out, err := deploy(t, h, "echo 3"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.expectBoth(fields{"status": "UP"})
	expectNoLoss(t, tr)
}

func TestDeployLeavesHostOutThatIsOutOnPurpose(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	if out, err := s.hosts[0].run(nil, "hapgentctl", "drain"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := deploy(t, s.hosts[0], "echo 2")
	if want := "deploy.sh: leaving the host out of the balancer, where it is on purpose: DRAIN\n"; err != nil || !strings.Contains(out, want) {
		t.Errorf("expected %q, found %v and\n%s", want, err, out)
	}
	s.balancer.expectAll(map[string]fields{"sample/srv1": {"status": "DRAIN (agent)"}, "sample/srv2": {"status": "UP"}})
}

func TestDeployRefuses(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	h := s.hosts[0]
	tests := []struct {
		name, environment string
		args              []string
		status            int
		message           string
	}{
		{"no arguments", "", nil, 2, "deploy.sh: expected SERVICE COMMAND [ARGUMENT...], found 0 arguments\n"},
		{"no command", "", []string{"web"}, 2, "deploy.sh: expected SERVICE COMMAND [ARGUMENT...], found 1 arguments\n"},
		{"wrong wait", "WAIT=5s", []string{"web", "true"}, 2, "deploy.sh: WAIT must be a number of seconds, found \"5s\"\n"},
		{"wrong timeout", "TIMEOUT=0", []string{"web", "true"}, 2, "deploy.sh: TIMEOUT must be a number of seconds above 0, found \"0\"\n"},
		{"no agent", "HAPGENT_PORT=1", []string{"web", "true"}, 1, "deploy.sh: failed at: asking the agent; nothing was changed\n"},
	}
	for _, test := range tests {
		out, err := h.run([]string{test.environment}, append([]string{example(t, "deploy.sh")}, test.args...)...)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != test.status || !strings.HasSuffix(out, test.message) {
			t.Errorf("%s: expected status %d and %q, found %v and %q", test.name, test.status, test.message, err, out)
		}
	}
	s.expectBoth(fields{"status": "UP", "agent_status": "L7OK"})
}
