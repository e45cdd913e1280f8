package ansible

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

type wrongValue struct{ variable, value, message string }

// wrongValues must be refused, each with its message.
var wrongValues = []wrongValue{
	{"hapgent_status", "up", "value of hapgent_status must be one of: UP, DOWN, READY, DRAIN, FAIL, MAINT, STOPPED, got: up"},
	{"hapgent_force_status", "failed", "value of hapgent_force_status must be one of: UP, DOWN, READY, DRAIN, FAIL, MAINT, STOPPED, got: failed"},
	{"hapgent_state", "gone", "value of hapgent_state must be one of: present, absent, got: gone"},
	{"hapgent_source", "git", "value of hapgent_source must be one of: release, file, apt, dnf, got: git"},
	{"hapgent_port", "http", "argument 'hapgent_port' is of type"},
	{"hapgent_port", "65536", `port must be an integer from 1 to 65535, found "65536"`},
	{"hapgent_port", "0", `port must be an integer from 1 to 65535, found "0"`},
	{"hapgent_weight", "256", `weight must be an integer from 0 to 255, found "256"`},
	{"hapgent_maxconn", "-1", `maxconn must be an integer from 0 to 65535, found "-1"`},
	{"hapgent_instances", "[{port: 9777}]", "each agent must have a port of its own, found 9777, 9777"},
	{"hapgent_instances", "[{port: 9778, weight: 300}]", `weight must be an integer from 0 to 255, found "300"`},
	{"hapgent_instances", "[{status: UP}]", "missing required arguments: port"},
	{"hapgent_instances", "[{port: 9778, states: UP}]", "hapgent_instances.states"},
	{"hapgent_ip", "10.0.0.256", `hapgent_ip must be an IPv4 or IPv6 address, found "10.0.0.256"`},
	{"hapgent_ip", "localhost", `hapgent_ip must be an IPv4 or IPv6 address, found "localhost"`},
	{"hapgent_state_file", "state.json", "hapgent_state_file must be an absolute path"},
	{"hapgent_state_file", "/home/ops/state.json", `in a folder that the unit may enter, found "/home/ops/state.json"`},
	{"hapgent_state_file", "/srv/a b/state.json", "hapgent_state_file must be an absolute path"},
	{"hapgent_user", "no body", `hapgent_user must be the name of a user, found "no body"`},
	{"hapgent_group", "a:b", `hapgent_group must be the name of a group, found "a:b"`},
	{"hapgent_version", "latest", `hapgent_version must be a version such as 0.3.2, found "latest"`},
	{"hapgent_checksum", "sha256:abc", `a checksum must be 64 hexadecimal digits in lower case, or empty, found "sha256:abc"`},
	{"hapgent_checksums", "{amd64: ABC}", `a checksum must be 64 hexadecimal digits in lower case, or empty, found "ABC"`},
	{"hapgent_url", "mirror/hapgent", `hapgent_url must be a URL, found "mirror/hapgent"`},
	{"hapgent_signer", "a b", `hapgent_signer must be the identity of a signer, found "a b"`},
	{"hapgent_source", "file", "hapgent_file must be a path where hapgent_source is file"},
	{"hapgent_socket", "maybe", "argument 'hapgent_socket' is of type"},
	{"hapgent_instances", "'{\"port\": 9778}'", `hapgent_instances must be a list, found "`},
	{"hapgent_checksums", "'amd64=abc'", `hapgent_checksums must be a dictionary, found "amd64=abc": give it as JSON`},
	{"hapgent_signature", "'false'", "the checksum of the download must be pinned, unless hapgent_signature is true"},
	{"hapgent_repository", "http://mirror/apt, hapgent_repository_key: none.asc", `hapgent_repository_key must be the file of the key that signs hapgent_repository, found "none.asc"`},
	{"hapgent_repository", "http://mirror/apt, hapgent_repository_key: ''", `hapgent_repository_key must be the file of the key that signs hapgent_repository, found ""`},
}

// wrongOfPlaybooks are the same for the playbooks' own variables.
var wrongOfPlaybooks = []wrongValue{
	{"hapgent_drain", "MAINT", "value of hapgent_drain must be one of: DRAIN, DOWN, got: MAINT"},
	{"hapgent_instance", "9779", `hapgent_instance must be the port of an agent of the host, found "9779"`},
	{"hapgent_health_url", "localhost/health", `hapgent_health_url must be a URL, found "localhost/health"`},
	{"hapgent_health_port", "0", `hapgent_health_port must be an integer from 1 to 65535, found "0"`},
	{"hapgent_health_host", "http://web1/", `hapgent_health_host must be a name or an address, found "http://web1/"`},
	{"hapgent_haproxy", "'lb1:/run/haproxy/admin.sock'", `hapgent_haproxy must be a list, found "lb1:/run/haproxy/admin.sock": give it as JSON`},
	{"hapgent_haproxy", "['nosuch:/run/haproxy/admin.sock']", "with HOST in the inventory, or the URL of a page with ;csv, found \"nosuch:/run/haproxy/admin.sock\""},
	{"hapgent_haproxy", "['http://lb1:8404/stats']", "or the URL of a page with ;csv, found \"http://lb1:8404/stats\""},
	{"hapgent_haproxy_server", "''", `hapgent_haproxy_server must be the name of a server, found ""`},
	{"hapgent_haproxy_backends", "[]", `hapgent_haproxy_backends must be names of backends, found ""`},
	{"hapgent_sessions", "-1", `hapgent_sessions must be an integer from 0 to 999999, found "-1"`},
	{"hapgent_timeout", "0", `hapgent_timeout must be an integer from 1 to 86400, found "0"`},
	{"hapgent_timeout", "soon", "argument 'hapgent_timeout' is of type"},
	{"hapgent_wait", "-5", `hapgent_wait must be an integer from 0 to 86400, found "-5"`},
	{"hapgent_force_weight", "256", `weight must be an integer from 0 to 255, found "256"`},
}

const wrongPlay = `    - block:
        - ansible.builtin.include_role: {name: hapgent, tasks_from: %[4]s}
          vars: {%[2]s: %[3]s}
        - ansible.builtin.set_fact: {taken: "{{ taken | default([]) + ['%[1]d'] }}"}
      rescue:
        - ansible.builtin.debug: {msg: 'CASE %[1]d {{ ansible_failed_result.msg | replace("\n", " ") }} {{ ansible_failed_result.argument_errors | default([]) | join("; ") }} END'}
`

// factsPlay tests the role's conclusions on hosts that the lab cannot boot, and on
// two HAProxys: sessions are those of one HAProxy, a HAProxy that counts less than
// before was reloaded, and a server's words may contain a comma. A key among the
// role's files, as in a release, is found there.
const factsPlay = `    - ansible.builtin.set_fact: {cacheable: true, architecture: armv8l, pkg_mgr: dnf5}
    - ansible.builtin.include_role: {name: hapgent, tasks_from: playbook, public: true}
      vars: {hapgent_source: dnf}
    - ansible.builtin.include_role: {name: hapgent, tasks_from: playbook}
      vars: {hapgent_repository: http://mirror/apt, hapgent_repository_key: allowed_signers}
    - ansible.builtin.debug: {msg: "FACTS {{ hapgent__asset }} {{ hapgent__package_manager }} END"}
      vars: {hapgent_source: dnf}
    - ansible.builtin.debug: {msg: "HAPROXYS {{ hapgent__sessions }} {{ hapgent__reloaded | join(' ') }} {{ hapgent__unasked | map(attribute='pxname') | join }} END"}
      vars:
        hapgent_haproxy_server: web
        hapgent__counted: {one: 5, other: 30}
        hapgent__said:
          - {of: one, text: "# pxname,svname,scur,stot,last_chk,agent_status,\na,web,3,4,\"OK, \"\"fine\"\"\",* L7OK,\nb,web,1,2,,INI,\nb,more,9,9,,,"}
          - {of: other, text: "# pxname,svname,scur,stot,agent_status,\nc,web,2,29,CHECKED,"}
`

// TestWrongValues tries all values in one play, on a host that must not change.
func TestWrongValues(t *testing.T) {
	t.Parallel()
	h := theLab.Host(t, "bookworm", lab.Server)
	f := newFleet(t, "hapgent_checksum: ''\n", h)
	play := "- hosts: hapgent\n  tasks:\n"
	all := append(slices.Clone(wrongValues), wrongOfPlaybooks...)
	for i, w := range all {
		play += fmt.Sprintf(wrongPlay, i, w.variable, w.value, map[bool]string{true: "main", false: "playbook"}[i < len(wrongValues)])
	}
	f.write("wrong.yml", play+"    - ansible.builtin.debug: {msg: \"TAKEN {{ taken | default([]) }} END\"}\n"+factsPlay)
	p := oldest.play(f, "wrong.yml")
	p.expect("TAKEN [] END", "FACTS hapgent-armhf dnf5 END", "HAPROXYS 4 other b END")
	for i, w := range all {
		_, message, _ := strings.Cut(p.output, fmt.Sprintf("CASE %d ", i))
		message, _, _ = strings.Cut(message, " END")
		// as the callback shows it, in JSON
		message = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(message)
		if !strings.Contains(message, w.message) {
			t.Errorf("%s: %s\nis refused with %q,\nwant %q", w.variable, w.value, message, w.message)
		}
	}
	h.Run("! ls -d /usr/sbin/hapgent /etc/hapgent /etc/default/hapgent /etc/systemd/system/hapgent* /var/cache/hapgent* 2>/dev/null")
}
