package ansible

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// The role names a version for apt and dnf as the packages do, also a pre-release.
func TestRoleAsksForTheVersionThatThePackagesHave(t *testing.T) {
	ansible := need.Command(t, "ansible", "ansible-core")
	for _, version := range []string{"0.4.0", "0.4.0-rc1"} {
		for source, prefix := range map[string]string{"apt": "hapgent=", "dnf": "hapgent-"} {
			values, err := json.Marshal(map[string]any{
				"hapgent__installs_package": true, "hapgent_source": source, "hapgent_version": version,
			})
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(ansible, "localhost", "-c", "local", "-m", "debug", "-a", "var=hapgent__package_name",
				"-e", "@"+filepath.Join(need.Root(t), "ansible", "vars", "main", "binary.yml"), "-e", string(values)).CombinedOutput()
			if want := `"` + prefix + build.PackageVersion(version) + `"`; err != nil || !strings.Contains(string(out), want) {
				t.Errorf("%s of %s: %v, want %s in\n%s", version, source, err, want, out)
			}
		}
	}
}

// The role reads the agent's answer from its status in systemd: the askers stand
// behind the answer, and the answer for a state that cannot be read does not count.
func TestRoleReadsWhatAnAgentAnswers(t *testing.T) {
	ansible := need.Command(t, "ansible", "ansible-core")
	for status, want := range map[string][]string{
		"answers DOWN 70% maxconn:9 on 0.0.0.0:9777":                            {"DOWN", "70", "9"},
		"answers UP on [::]:9777; asked by fd00:77:: now, 10.0.0.6 3 min ago":   {"UP", "", ""},
		"answers UP on [::]:9777: not saved to /x: it is full; asked by nobody": {"UP", "", ""},
		"answers FAIL on 0.0.0.0:9777: no such file; asked by 10.0.0.6 now":     {},
	} {
		values, err := json.Marshal(map[string]any{"item": []any{nil, map[string]any{"status": map[string]any{"StatusText": status}}}})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(ansible, "localhost", "-c", "local", "-m", "debug", "-a", "var=hapgent__answer",
			"-e", "@"+filepath.Join(need.Root(t), "ansible", "vars", "main", "agents.yml"), "-e", string(values)).Output()
		_, result, _ := strings.Cut(string(out), "=> ")
		var got struct {
			Answer []string `json:"hapgent__answer"`
		}
		if err != nil || json.Unmarshal([]byte(result), &got) != nil || !slices.Equal(got.Answer, want) {
			t.Errorf("%s: %v, want %q in\n%s", status, err, want, out)
		}
	}
}
