package ansible

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// The role asks apt and dnf for a version by the name that the packages have, a
// pre-release too.
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
