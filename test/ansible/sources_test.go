package ansible

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/built"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// expectVersion expects that the agent runs in that version, from the file that
// is installed, and answers so.
func expectVersion(h *lab.Host, version, answer string) {
	h.Until("hapgent "+version, "hapgent --version")
	h.Until("/usr/sbin/hapgent", "readlink /proc/$(pgrep -x hapgent)/exe")
	answers(h, "9777", answer)
}

// TestTampered has one host for each way in which a mirror may be tampered with.
// None may get another binary, and all must go on as before.
func TestTampered(t *testing.T) {
	t.Parallel()
	kinds := slices.Sorted(maps.Keys(tampered))
	specs := make([]lab.Spec, len(kinds))
	for i := range specs {
		specs[i] = lab.Spec{Suite: suites[i%len(suites)], Profile: lab.Server}
	}
	hosts := theLab.Hosts(t, specs...)
	serveMirror(t)
	f := newFleet(t, fromMirror(oldVersion), hosts...)
	oldest.play(f, "site.yml", set(`hapgent_status="UP"`)...)

	for i, h := range hosts {
		f.vars(h, "hapgent_url: "+mirror+"/tampered-"+kinds[i]+"\n")
	}
	right := sum(t, filepath.Join(published(t), newVersion(t), asset()))
	version := "hapgent_version=" + quoted(newVersion(t))
	for _, pinned := range []string{"", right} {
		args := set(version, "hapgent_checksum="+quoted(pinned))
		if pinned != "" { // what is published as the sum does not count then
			args = append(args, "--limit", "all,!"+hosts[slices.Index(kinds, "sum")].Name)
		}
		p, err := oldest.try(f, "site.yml", args...)
		if err == nil {
			t.Errorf("pinned %q: no failure", pinned)
		}
		p.expectAllFailed()
		if pinned == "" {
			p.expect("The checksum for /var/cache/hapgent.unverified did not match", "Could not verify signature")
		}
		for _, h := range hosts {
			expectVersion(h, oldVersion, "UP")
		}
	}
	// a host that trusts the wrong signer, or nobody, is refused before a download
	p, err := oldest.try(f, "site.yml", append(set(version), "-e", "hapgent_signature=false")...)
	if err == nil {
		t.Error("a download that nothing vouches for was taken")
	}
	p.expect("the checksum of the download must be pinned, unless hapgent_signature is true")

	for _, h := range hosts {
		f.vars(h, "{}\n")
	}
	oldest.play(f, "site.yml", set(version)...).expectChanged()
	for _, h := range hosts {
		expectVersion(h, newVersion(t), "UP")
	}
}

// TestSources installs from each source in turn, on the same hosts: the state
// stays, and nothing of the earlier source is left. The oldest host is minimal, and
// hardened.
func TestSources(t *testing.T) {
	t.Parallel()
	all := theLab.Hosts(t, append(servers("bullseye", "forky"), lab.Spec{Suite: "forky", Profile: lab.RPM})...)
	hosts, rpm, recent := all[:2], all[2], middle(t)
	serveMirror(t)
	dist := published(t)
	makeYum(t, rpm)
	haveDNF5(rpm)
	f := newFleet(t, fromMirror(newVersion(t)), all...)
	f.vars(rpm, "hapgent_source: dnf\nhapgent_repository: file:///srv/yum\n")
	archive := "hapgent_repository_key=" + quoted(work+"/archive.asc")
	debs := []string{"--limit", "all,!" + rpm.Name}

	file := func(dir string) []string {
		return append(debs, set(`hapgent_source="file"`, `hapgent_signature=true`, "hapgent_file="+quoted(filepath.Join(dist, dir, asset())))...)
	}
	refused := func(message string, args ...string) {
		t.Helper()
		p, err := recent.try(f, "site.yml", args...)
		if err == nil {
			t.Errorf("a file was taken: want %s", message)
		}
		p.expectAllFailed()
		p.expectMatch(message)
	}
	haveLittle(hosts[0])
	hosts[0].Run("mv /usr/bin/ssh-keygen /usr/bin/ssh-keygen.away")
	refused("ssh-keygen is missing on the host: install openssh-client", append(file(oldVersion), "--limit", hosts[0].Name)...)
	hosts[0].Run("mv /usr/bin/ssh-keygen.away /usr/bin/ssh-keygen; ! test -e /usr/sbin/hapgent")
	oldest.play(f, "site.yml", append(file(oldVersion), set(`hapgent_status="UP"`, `hapgent_weight=70`)...)...)
	for _, h := range hosts {
		expectVersion(h, oldVersion, "UP 70%")
	}
	refused("Could not verify signature", file("tampered-signature")...)
	recent.play(f, "site.yml", file(newVersion(t))...).expectChanged()
	oldest.play(f, "site.yml", file(newVersion(t))...).expectUnchanged()
	// though the very binary is on the host
	refused("Could not verify signature", file("tampered-signature")...)
	refused("computed checksum did NOT match", append(file(newVersion(t)), set("hapgent_checksum="+quoted(strings.Repeat("0", 64)))...)...)
	for _, h := range hosts {
		expectVersion(h, newVersion(t), "UP 70%")
	}

	packages := func(version string) []string {
		return set("hapgent_version="+quoted(version), archive, `hapgent_status="UP"`)
	}
	for _, h := range hosts {
		f.vars(h, "hapgent_source: apt\nhapgent_repository: "+mirror+"/apt\n")
	}
	check := append(packages(oldVersion), "--check") // and no host has the repository yet
	recent.play(f, "site.yml", check...).expectChanged()
	rpm.Run("mv " + libdnf5 + " " + libdnf5 + ".away")
	recent.play(f, "site.yml", append(check, "--limit", rpm.Name)...).expectChanged()
	rpm.Run("mv " + libdnf5 + ".away " + libdnf5)
	recent.play(f, "site.yml", packages(oldVersion)...).expectChanged()
	rpm.Until("hapgent-"+oldVersion+"-1.x86_64", "rpm -q hapgent")
	rpm.Run("test -s /var/log/dnf5.log && ! test -e /var/log/dnf.log")
	expectVersion(rpm, oldVersion, "UP")
	for _, h := range hosts {
		h.Until("install ok installed "+oldVersion, "dpkg-query -W -f '${Status} ${Version}' hapgent")
		h.UntilContains("/lib/systemd/system/hapgent.service", "systemctl show -P FragmentPath hapgent")
		expectVersion(h, oldVersion, "UP 70%")
	}
	haveDNF4(rpm)
	oldest.play(f, "site.yml", packages(newVersion(t))...).expectChanged()
	for _, h := range all {
		expectVersion(h, newVersion(t), map[bool]string{true: "UP", false: "UP 70%"}[h == rpm])
	}
	oldest.play(f, "site.yml", append(packages(newVersion(t)), "--check")...).expectUnchanged()
	haveDNF5(rpm)
	recent.play(f, "site.yml", packages(newVersion(t))...).expectUnchanged()

	f.vars(hosts[0], "{}\n") // back to the binary, and the others to nothing
	for _, h := range all[1:] {
		f.vars(h, read(t, f.path("host_vars"), h.Name+".yml")+"hapgent_state: absent\n")
	}
	recent.play(f, "site.yml", set(archive)...).expectChanged()
	expectVersion(hosts[0], newVersion(t), "UP 70%")
	hosts[0].Until("/etc/systemd/system/hapgent.service", "systemctl show -P FragmentPath hapgent")
	hosts[0].Run("! dpkg-query -W -f '${db:Status-Status}' hapgent | grep -x installed; systemctl is-enabled --quiet hapgent")
	oldest.play(f, "site.yml", set(archive)...).expectUnchanged()
	for _, h := range all[1:] {
		expectNothingLeft(h)
	}
}

// haveLittle makes a host hardened and minimal: root's umask is 077, /tmp is mounted
// noexec, and there is no curl.
func haveLittle(h *lab.Host) {
	h.Write("/etc/sudoers.d/umask", "Defaults umask=0077, umask_override\n")
	h.Run("chmod 440 /etc/sudoers.d/umask && dpkg --purge curl && mount -t tmpfs -o noexec,nosuid,nodev tmpfs /tmp")
}

// libdnf5 is the package by which Ansible uses dnf5.
const libdnf5 = "/usr/lib/python3/dist-packages/libdnf5"

// haveDNF5 makes dnf5 the dnf of a host for rpm, as on Fedora; haveDNF4 makes it
// dnf 4 again, which trusts no key yet.
func haveDNF5(h *lab.Host) {
	h.Write("/etc/redhat-release", "Fedora release 43 (Forty Three)\n")
	h.Run("ln -sf dnf5 /usr/bin/dnf")
}

func haveDNF4(h *lab.Host) {
	h.Write("/etc/redhat-release", "CentOS Stream release 10 (Coughlan)\n")
	h.Run("ln -sf dnf-3 /usr/bin/dnf && rpm -e --allmatches gpg-pubkey")
}

// makeYum makes a signed repository with both versions on a host for rpm, which does
// not trust it yet.
func makeYum(t *testing.T, h *lab.Host) {
	t.Helper()
	var packages []string
	for _, version := range []string{oldVersion, newVersion(t)} {
		packages = append(packages, built.RPM(filepath.Join(work, "packages"), "hapgent", version))
	}
	sign := []string{need.Command(t, "rpmsign", "rpm"), "--define", "__gpg " + need.Command(t, "gpg", "gpg"), "--define", "_gpg_path " + filepath.Join(work, "gnupg"),
		"--define", "_gpg_name archive", "--addsign"}
	for i, p := range packages {
		signed := filepath.Join(work, t.Name(), filepath.Base(p))
		write(t, signed, read(t, p))
		command(t, work, append(sign, signed)...)
		packages[i] = signed
	}
	shim, err := built.Shim(filepath.Join(work, t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	h.Run("rpm -i --nodeps --nosignature --nodigest " + filepath.Join(work, t.Name(), shim))
	h.Run("mkdir -p /srv/yum && cp " + strings.Join(packages, " ") + " /srv/yum && createrepo_c --quiet /srv/yum")
	gpg(t, "--detach-sign", "--armor", h.Path("/srv/yum/repodata/repomd.xml"))
}
