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
// None may get another binary, and all are to go on as they were.
func TestTampered(t *testing.T) {
	t.Parallel()
	kinds := slices.Sorted(maps.Keys(tampered))
	specs := make([]lab.Spec, len(kinds))
	for i := range specs {
		specs[i] = lab.Spec{Suite: []string{"bookworm", "trixie"}[i%2], Profile: lab.Server}
	}
	hosts := theLab.Hosts(t, specs...)
	serveMirror(t)
	f := newFleet(t, fromMirror(oldVersion), hosts...)
	controller{}.play(f, "site.yml", set(`hapgent_status="UP"`)...)

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
		p, err := controller{}.try(f, "site.yml", args...)
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
	// who trusts the wrong signer, or nobody, is told before anything is fetched
	p, err := controller{}.try(f, "site.yml", set(version, `hapgent_signature=false`)...)
	if err == nil {
		t.Error("a download that nothing vouches for was taken")
	}
	p.expect("nothing would vouch for the download")

	for _, h := range hosts {
		f.vars(h, "{}\n")
	}
	controller{}.play(f, "site.yml", set(version)...).expectChanged()
	for _, h := range hosts {
		expectVersion(h, newVersion(t), "UP")
	}
}

// TestSources installs from each source in turn, on the same hosts: the state
// stays, and nothing of the source before is left in the way.
func TestSources(t *testing.T) {
	t.Parallel()
	all := theLab.Hosts(t, lab.Spec{Suite: "bookworm", Profile: lab.Server}, lab.Spec{Suite: "trixie", Profile: lab.Server},
		lab.Spec{Suite: "bookworm", Profile: lab.RPM}, lab.Spec{Suite: "trixie", Profile: lab.Controller})
	hosts, rpm, recent := all[:2], all[2], controller{all[3]}
	serveMirror(t)
	dist := published(t)
	makeYum(t, rpm)
	f := newFleet(t, fromMirror(newVersion(t)), all[:3]...)
	f.vars(rpm, "hapgent_source: dnf\nhapgent_repository: file:///srv/yum\n")
	archive := "hapgent_repository_key=" + quoted(work+"/archive.asc")
	debs := []string{"--limit", "all,!" + rpm.Name}

	file := func(dir string) []string {
		return append(debs, set(`hapgent_source="file"`, `hapgent_signature=true`, "hapgent_file="+quoted(filepath.Join(dist, dir, asset())))...)
	}
	controller{}.play(f, "site.yml", append(file(oldVersion), set(`hapgent_status="UP"`, `hapgent_weight=70`)...)...)
	for _, h := range hosts {
		expectVersion(h, oldVersion, "UP 70%")
	}
	p, err := recent.try(f, "site.yml", file("tampered-signature")...)
	if err == nil {
		t.Error("a file with another's signature was installed")
	}
	p.expectAllFailed()
	recent.play(f, "site.yml", file(newVersion(t))...).expectChanged()
	controller{}.play(f, "site.yml", file(newVersion(t))...).expectUnchanged()
	for _, h := range hosts {
		expectVersion(h, newVersion(t), "UP 70%")
	}

	packages := func(version string) []string {
		return set("hapgent_version="+quoted(version), archive, `hapgent_status="UP"`)
	}
	for _, h := range hosts {
		f.vars(h, "hapgent_source: apt\nhapgent_repository: "+mirror+"/apt\n")
	}
	controller{}.play(f, "site.yml", packages(oldVersion)...).expectChanged()
	rpm.Until("hapgent-"+oldVersion+"-1.x86_64", "rpm -q hapgent")
	expectVersion(rpm, oldVersion, "UP")
	for _, h := range hosts {
		h.Until("install ok installed "+oldVersion, "dpkg-query -W -f '${Status} ${Version}' hapgent")
		h.UntilContains("/lib/systemd/system/hapgent.service", "systemctl show -P FragmentPath hapgent")
		expectVersion(h, oldVersion, "UP 70%")
	}
	recent.play(f, "site.yml", packages(newVersion(t))...).expectChanged()
	for _, h := range all[:3] {
		expectVersion(h, newVersion(t), map[bool]string{true: "UP", false: "UP 70%"}[h == rpm])
	}
	controller{}.play(f, "site.yml", packages(newVersion(t))...).expectUnchanged()
	recent.play(f, "site.yml", append(packages(newVersion(t)), "--check")...).expectUnchanged()

	f.vars(hosts[0], "{}\n") // back to the binary, and the others to nothing
	for _, h := range all[1:3] {
		f.vars(h, read(t, f.path("host_vars"), h.Name+".yml")+"hapgent_state: absent\n")
	}
	recent.play(f, "site.yml", set(archive)...).expectChanged()
	expectVersion(hosts[0], newVersion(t), "UP 70%")
	hosts[0].Until("/etc/systemd/system/hapgent.service", "systemctl show -P FragmentPath hapgent")
	hosts[0].Run("! dpkg-query -W -f '${db:Status-Status}' hapgent | grep -x installed; systemctl is-enabled --quiet hapgent")
	controller{}.play(f, "site.yml", set(archive)...).expectUnchanged()
	for _, h := range all[1:3] {
		expectNothingLeft(h)
	}
}

// makeYum makes a signed repository with both versions on a host for rpm, which
// it has trusted by nobody yet.
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
	// what rpm does not know of a Debian host, whose dnf has no such folder either
	h.Write("/srv/shim.spec", `Name: shim
Version: 1
Release: 1
Summary: what rpm does not know of this host
License: none
BuildArch: noarch
Provides: /bin/sh
Provides: systemd
Provides: shadow-utils
%description
For tests.
%files
`)
	h.Run("rpmbuild --quiet -bb --define '_rpmdir /srv' /srv/shim.spec && rpm -i --nodeps /srv/noarch/shim-1-1.noarch.rpm")
	h.Run("mkdir -p /srv/yum /etc/pki/rpm-gpg /etc/yum.repos.d && cp " + strings.Join(packages, " ") + " /srv/yum && createrepo_c --quiet /srv/yum")
	gpg(t, "--detach-sign", "--armor", h.Path("/srv/yum/repodata/repomd.xml"))
}
