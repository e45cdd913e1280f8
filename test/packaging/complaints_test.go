package packaging

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// promise is a promise that tests check.
type promise struct {
	what  string
	tests []string
}

// complaints are complaints of users about other packages of this kind, with the tests
// that these packages give no cause for them.
var complaints = []promise{
	{"an upgrade starts a service that was disabled, or un-masks it", []string{"TestUpgradeStartsNothingThatWasOff", "TestRPMUpgradeLeavesAllAsItWas"}},
	{"an upgrade stops the service and never starts it again", []string{"TestUpgradeRestartsWhatRuns", "TestRPMUpgradeLeavesAllAsItWas"}},
	{"remove, then reinstall, leaves it stopped", []string{"TestReinstallAfterRemoveRuns"}},
	{"settings or a state overwritten on upgrade, or asked about", []string{"TestUpgradeKeepsStateAndSettings"}},
	{"purge leaves files or groups behind", []string{"TestPurgeLeavesNothing", "TestPiuparts"}},
	{"a directory of the wrong owner; a daemon that runs as root", []string{"TestDaemonIsNobodysAndTheDirectoryIsClosed"}},
	{"architectures missing or misnamed", []string{"TestEveryArchitectureHasItsPackages", "TestForeignArchitectureIsRefused", "TestAllThatAReleaseIs"}},
	{"a key that expires with no successor", []string{"TestTwoKeysOverlap", "TestReleasesWhileKeysOverlap"}},
	{"a checksum file that sha256sum cannot use", []string{"TestEveryFileHasAChecksumAndASignature", "TestChecksumLinesAreThoseOfSha256sum"}},
	{"no signature, or no word on how to verify it", []string{"TestEveryFileHasAChecksumAndASignature", "TestByHand"}},
	{"a role that fails in check mode, or changes things again", []string{"TestLife"}},
	{"a tilde in a file's name, which an upload changes", []string{"TestFileNamesStayAsTheyAreUploaded"}},
}

// less is what some hosts lack or forbid, with the tests that the packages, the
// README's lines and the role work without it, or say what is missing.
var less = []promise{
	{"no user namespaces", []string{"TestHostsWithoutNamespaces"}},
	{"no mount namespaces", []string{"TestHostsWithoutNamespaces"}},
	{"Debian's hardening-runtime", []string{"TestHostsWithoutNamespaces"}},
	{"a umask of 077 for root", []string{"TestSmallHost", "TestReadmeOnASmallHost", "TestThreeReleasesInARow", "TestSources"}},
	{"a /tmp that runs nothing", []string{"TestSmallHost", "TestReadmeOnASmallHost", "TestSources"}},
	{"huge pages always", []string{"TestTakesNoHugePages"}},
	{"no man, no cron, no Perl but perl-base", []string{"TestSmallHost", "TestReadmeOnASmallHost"}},
	{"no curl, no certificates, no ssh-keygen", []string{"TestSmallHost", "TestReadmeOnASmallHost", "TestSources"}},
	{"no IPv6", []string{"TestSmallHost"}},
	{"an /etc that is read-only", []string{"TestSmallHost"}},
}

func TestEveryPromiseHasItsTest(t *testing.T) {
	list := exec.Command("git", "grep", "--untracked", "-hoE", `^func Test[A-Za-z0-9]+\(t `)
	list.Dir = need.Root(t)
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range slices.Concat(complaints, less) {
		for _, test := range c.tests {
			if !strings.Contains(string(out), "func "+test+"(t ") {
				t.Errorf("%s: there is no test %s", c.what, test)
			}
		}
	}
}
