package hosts

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// probe is something that a directive forbids. Root can do it, or the user that
// is named, and cannot under that directive alone as the unit has it.
type probe struct {
	script string
	with   []string // properties that it is tried with in both cases
}

const python = "python3 -c 'import ctypes, mmap, os, socket; "

var probes = map[string]probe{
	"CapabilityBoundingSet":   {script: "! grep -q '^CapBnd:\\s*0*$' /proc/self/status"},
	"AmbientCapabilities":     {script: "! grep -q '^CapAmb:\\s*0*$' /proc/self/status", with: []string{"User=nobody", "AmbientCapabilities=CAP_CHOWN"}},
	"DevicePolicy":            {script: "mknod /run/device-$$ c 10 229"},
	"LockPersonality":         {script: "setarch --addr-no-randomize true"},
	"MemoryDenyWriteExecute":  {script: python + "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)'"},
	"NoNewPrivileges":         {script: "cp /usr/bin/id /usr/local/probe; chmod 4755 /usr/local/probe; setpriv --reuid 65534 --clear-groups /usr/local/probe -u | grep -qx 0"},
	"PrivateDevices":          {script: "test \"$(stat -f -c %i /dev)\" = \"$(stat -f -c %i /proc/1/root/dev)\""},
	"PrivateMounts":           {script: "test \"$(readlink /proc/self/ns/mnt)\" = \"$(readlink /proc/1/ns/mnt)\""},
	"PrivateTmp":              {script: "touch /tmp/probe-$$; test -e /proc/1/root/tmp/probe-$$"},
	"PrivateUsers":            {script: "test \"$(readlink /proc/self/ns/user)\" = \"$(readlink /proc/1/ns/user)\""},
	"ProcSubset":              {script: "test -e /proc/meminfo"},
	"ProtectControlGroups":    {script: "mkdir /sys/fs/cgroup/probe; rmdir /sys/fs/cgroup/probe"},
	"ProtectHome":             {script: "ls /root /home/ops"},
	"ProtectHostname":         {script: "hostname \"$(hostname)\""},
	"ProtectProc":             {script: "test -e /proc/1", with: []string{"User=nobody"}},
	"ProtectSystem":           {script: "touch /etc/probe"},
	"RestrictAddressFamilies": {script: python + "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)'"},
	"RestrictNamespaces":      {script: "unshare --uts true"},
	"RestrictRealtime":        {script: "chrt --fifo 1 true"},
	"RestrictSUIDSGID":        {script: "touch /run/suid-$$; chmod u+s /run/suid-$$"},
	"SystemCallFilter":        {script: "touch /run/owned-$$; chown nobody /run/owned-$$"},
	"UMask":                   {script: "touch /run/probe-$$; stat -c %a /run/probe-$$ | grep -qx 644"},
	"LimitNOFILE":             {script: "test \"$(ulimit -n)\" != 2048"},
}

// Directives that a container cannot test, since it forbids the same, and directives
// that forbid nothing by themselves.
var notProbed = map[string]string{
	"KeyringMode":             "keys are out of reach of every container",
	"ProtectClock":            "as above: the clock",
	"ProtectKernelLogs":       "as above: the kernel's log",
	"ProtectKernelModules":    "as above: modules",
	"ProtectKernelTunables":   "as above: /proc/sys, /sys",
	"SystemCallArchitectures": "as above: calls of other architectures",
	"SystemCallErrorNumber":   "says how SystemCallFilter= refuses: see its probe, which ends with an error, not by a signal",
	"ReadWritePaths":          "allows: the state is saved in each test",
	"RemoveIPC":               "acts when the service has ended: TestIPCObjectsAreRemoved",
}

// sandbox are the directives of the unit's sandbox, as NAME=VALUE.
func sandbox(t *testing.T) (directives map[string][]string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(need.Root(t), "packaging", "systemd", "hapgent.service"))
	if err != nil {
		t.Fatal(err)
	}
	service, _, _ := strings.Cut(string(b), "[Install]")
	_, service, _ = strings.Cut(service, "[Service]")
	notSandbox := []string{"Type", "User", "SupplementaryGroups", "EnvironmentFile", "Environment", "ExecStart", "ExecReload", "Restart", "RestartSec", "WatchdogSec", "WatchdogSignal"}
	directives = map[string][]string{}
	for line := range strings.Lines(service) {
		line = strings.TrimSpace(line)
		name, _, found := strings.Cut(line, "=")
		if found && !strings.HasPrefix(line, "#") && !slices.Contains(notSandbox, name) {
			directives[name] = append(directives[name], line)
		}
	}
	return directives
}

// Each directive of the sandbox is tried: what it forbids can be done without it.
func TestSandboxForbids(t *testing.T) {
	directives := sandbox(t)
	for name := range probes {
		if directives[name] == nil {
			t.Errorf("the unit has no %s=, which is probed", name)
		}
	}
	for name := range directives {
		if _, ok := probes[name]; !ok && notProbed[name] == "" {
			t.Errorf("%s= has neither a probe nor a reason to have none", name)
		}
	}
	onDebian(t, func(t *testing.T, h *lab.Host) {
		h.Run("mkdir -p /etc/hapgent")
		for _, name := range slices.Sorted(maps.Keys(probes)) {
			p := probes[name]
			if out, err := h.TryService(p.script, p.with...); err != nil {
				t.Errorf("%s: without it, %s: %v\n%s", name, p.script, err, out)
			}
			if out, err := h.TryService(p.script, append(slices.Clone(p.with), directives[name]...)...); err == nil {
				t.Errorf("%s: it does not forbid %s\n%s", name, p.script, out)
			} else if name == "SystemCallFilter" {
				out, err := h.TryService(p.script, append(slices.Clone(directives[name]), directives["SystemCallErrorNumber"]...)...)
				if err == nil || !strings.Contains(out, "Operation not permitted") {
					t.Errorf("SystemCallErrorNumber: found %v\n%s", err, out)
				}
			}
		}
	})
}

func TestIPCObjectsAreRemoved(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		leaves := func(properties ...string) string {
			if out, err := h.TryService("ipcmk --shmem 1000 >&2", append([]string{"User=nobody"}, properties...)...); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			return h.Run("ipcs --shmems | grep -c nobody || true")
		}
		expect(t, "objects that a service with RemoveIPC= leaves", leaves(sandbox(t)["RemoveIPC"]...), "0\n")
		expect(t, "objects that one without leaves", leaves(), "1\n")
	})
}

// harmless is systemd-analyze's complaint about the documented user, which
// TestOtherProcessesOfNobodyCannotReachTheState examines.
const harmless = "Special user nobody configured, this is not safe!"

// decided are the properties of the units that are not of the sandbox.
const decided = "Id,Type,NotifyAccess,User,Group,DynamicUser,SupplementaryGroups,Environment,EnvironmentFiles,Restart,RestartUSec," +
	"WatchdogUSec,WatchdogSignal,StartLimitIntervalUSec,StartLimitBurst,LimitNOFILE,UMask,ReadWritePaths,WantedBy"

// The units as systemd has read them.
func TestUnitsAreAsDecided(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		h.Run("systemctl enable hapgent.socket hapgent@9778.service hapgent@9778.socket")
		// sorted, since each systemd has an order of its own
		need.Golden(t, *update, "testdata/units.txt", h.Run(`for unit in hapgent.service hapgent@9778.service; do systemctl show --property=`+decided+` $unit | sort; echo; done
			for unit in hapgent.socket hapgent@9778.socket; do systemctl show --property=Id,Listen,Triggers,WantedBy $unit | sort; echo; done`))
	})
}

// The exposure is systemd's own measure, from 0 to 10.
func TestUnitsAreSoundAndHardlyExposed(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		out, err := h.TryService("systemd-analyze verify hapgent.service hapgent@9778.service hapgent.socket hapgent@9778.socket 2>&1 || true")
		if err != nil {
			t.Fatalf("systemd-analyze verify: %v\n%s", err, out)
		}
		if found := findings(out); found != "" {
			t.Errorf("systemd-analyze verify: %s", found)
		}
		for _, unit := range []string{"hapgent.service", "hapgent@9778.service"} {
			out = h.Run("systemd-analyze security --no-pager " + unit + " 2>&1")
			_, overall, _ := strings.Cut(out, "Overall exposure level for "+unit+": ")
			if level, _, _ := strings.Cut(overall, " "); level == "" || level > "1.5" {
				t.Errorf("systemd-analyze security: %q is more than 1.5:\n%s", level, out)
			}
		}
	})
}

// findings are what systemd-analyze verify says that is of interest: not of the
// user, which TestOtherProcessesOfNobodyCannotReachTheState is about; not that there
// is no man to show the page.
func findings(verified string) (of string) {
	for line := range strings.Lines(verified) {
		if !slices.ContainsFunc([]string{harmless, "hapgent(8)", "(man)"}, func(text string) bool { return strings.Contains(line, text) }) {
			of += line
		}
	}
	return of
}
