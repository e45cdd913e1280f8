package ansible

import (
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

// TestVariables changes each variable of an agent that serves: its state stays.
func TestVariables(t *testing.T) {
	t.Parallel()
	hosts := theLab.Hosts(t, servers("bullseye", "forky")...)
	old, recent := oldest, newest(t)
	serveMirror(t)
	f := newFleet(t, fromMirror(newVersion(t)), hosts...)
	each := func(do func(h *lab.Host)) {
		t.Helper()
		for _, h := range hosts {
			do(h)
		}
	}
	old.play(f, "site.yml", set(`hapgent_status="READY"`, "hapgent_weight=70", "hapgent_maxconn=300")...)
	each(func(h *lab.Host) {
		answers(h, "9777", "READY 70% maxconn:300")
		h.Run("pkill -USR2 -x hapgent")
		answers(h, "9777", "DOWN 70% maxconn:300")
		h.Write("/etc/systemd/system/hapgent.service.d/operator.conf", "[Service]\nNice=1\n")
	})

	t.Log("first values are for the first time")
	recent.play(f, "site.yml", set(`hapgent_status="UP"`, "hapgent_weight=1", "hapgent_maxconn=1")...).expectUnchanged()
	each(func(h *lab.Host) { answers(h, "9777", "DOWN 70% maxconn:300") })

	t.Log("all others, as text, on a host with the groups that EL has")
	f.vars(hosts[0], "hapgent_group: lbagents\n")
	hosts[1].Run("sed -i /^nogroup:/d /etc/group; groupadd --system nobody")
	groups := map[*lab.Host]string{hosts[0]: "lbagents", hosts[1]: "nobody"}
	others := set(`hapgent_user="lbagent"`, `hapgent_ip="::"`, "hapgent_port=9800", `hapgent_state_file="/var/lib/lb/state.json"`, "hapgent_socket=true",
		`hapgent_instances=[{"port": 9778, "status": "UP", "weight": 50, "maxconn": 7}, {"port": 9779}]`)
	text := append(others, "-e", "hapgent_socket=yes", "-e", "hapgent_signature=y", "-e", "hapgent_port=9800", "-e", "hapgent_timeout=60")
	old.play(f, "site.yml", append(text, "--check")...).expectChanged()
	old.play(f, "site.yml", text...).expectChanged()
	each(func(h *lab.Host) {
		answers(h, "9800", "DOWN 70% maxconn:300")
		answers(h, "9778", "UP 50% maxconn:7")
		answers(h, "9779", "FAIL")
		h.Until("DOWN 70% maxconn:300", "socat -t5 - TCP6:[::1]:9800 </dev/null")
		h.Until(strings.TrimSpace(strings.Repeat("lbagent "+groups[h]+"\n", 3)), "ps -o user=,group= -C hapgent | tr -s ' '")
		h.Until("active active", "echo $(systemctl is-active hapgent.socket hapgent@9778.socket)")
		h.Run("pkill -USR1 -o -x hapgent; grep UP /var/lib/lb/state.json || { sleep 1; grep UP /var/lib/lb/state.json; }")
		answers(h, "9800", "UP 70% maxconn:300")
	})
	old.play(f, "site.yml", append(others, "--check")...).expectUnchanged()

	t.Log("on purpose, while an operator says DOWN")
	pid := mainPID(hosts[0], "hapgent")
	var ends []func()
	each(func(h *lab.Host) { ends = append(ends, sayDownOnceAsked(h)) })
	forced := append(others, "-e", "hapgent_force_maxconn=9")
	recent.play(f, "site.yml", forced...).expectChanged()
	for _, end := range ends {
		end()
	}
	each(func(h *lab.Host) {
		answers(h, "9800", "DOWN 70% maxconn:9")
		answers(h, "9778", "UP 50% maxconn:9")
		answers(h, "9779", "FAIL maxconn:9")
	})
	forced = append(forced, set(`hapgent_force_status="DRAIN"`)...)
	old.play(f, "site.yml", append(forced, "--check")...).expectChanged()
	old.play(f, "site.yml", forced...).expectChanged()
	recent.play(f, "site.yml", forced...).expectUnchanged()
	each(func(h *lab.Host) {
		answers(h, "9800", "DRAIN 70% maxconn:9")
		answers(h, "9778", "DRAIN 50% maxconn:9")
		answers(h, "9779", "DRAIN maxconn:9")
	})
	if after := mainPID(hosts[0], "hapgent"); after != pid {
		t.Error("a state that was forced restarted the agent")
	}

	t.Log("back, with one instance gone and one that is no longer listed, and an operator who says DOWN meanwhile")
	each(func(h *lab.Host) {
		h.Run("systemd-run --quiet sh -c 'until grep /etc/hapgent/state.json /etc/default/hapgent; do sleep 0.1; done; systemctl kill --signal USR2 hapgent'")
	})
	f.vars(hosts[0], "{}\n")
	old.play(f, "site.yml", set(`hapgent_instances=[{"port": 9779, "state": "absent"}]`)...).expectChanged()
	each(func(h *lab.Host) {
		answers(h, "9777", "DOWN 70% maxconn:9") // not what the file had before it moved away
		answers(h, "9778", "DRAIN 50% maxconn:9")
		h.Run("! ls /etc/default/hapgent@9779 /etc/hapgent/9779.json /etc/systemd/system/hapgent.service.d/ansible.conf 2>/dev/null")
		h.Run("test -e /etc/systemd/system/hapgent.service.d/operator.conf && ! systemctl is-active --quiet hapgent@9779 && ! systemctl is-enabled --quiet hapgent.socket")
		h.Until(map[*lab.Host]string{hosts[0]: "nobody nogroup", hosts[1]: "nobody 65534"}[h], "ps -o user=,group= -p $(systemctl show -P MainPID hapgent) | tr -s ' '")
	})
	recent.play(f, "site.yml", set(`hapgent_instances=[{"port": 9779, "state": "absent"}]`)...).expectUnchanged()

	gone := set(`hapgent_state="absent"`, `hapgent_user="lbagent"`, `hapgent_state_file="/var/lib/lb/state.json"`)
	old.play(f, "site.yml", gone...).expectChanged()
	recent.play(f, "site.yml", gone...).expectUnchanged()
	each(func(h *lab.Host) {
		expectNothingLeft(h)
		h.Run("! getent passwd lbagent")
	})
}

// sayDownOnceAsked is an operator who sets DOWN just after the role has read the
// agent's answer. Call end after that has happened.
func sayDownOnceAsked(h *lab.Host) (end func()) {
	systemctl := strings.TrimSpace(h.Run("readlink -f $(command -v systemctl)"))
	h.Run("mv " + systemctl + " " + systemctl + ".real")
	h.Write(systemctl, strings.ReplaceAll(`#!/bin/sh
SYSTEMCTL.real "$@" || exit
case "$*" in
  "show hapgent.service"*) [ -e /run/said ] || { touch /run/said; SYSTEMCTL.real kill --signal USR2 hapgent; } ;;
esac
`, "SYSTEMCTL", systemctl))
	h.Run("chmod 755 " + systemctl)
	return func() { h.Run("mv " + systemctl + ".real " + systemctl + "; rm /run/said") }
}
