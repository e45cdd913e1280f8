package ansible

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// document reads YAML of the role.
func document[T any](t *testing.T, path ...string) (d T) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, inTree(t, "ansible"), filepath.Join(path...))), &d); err != nil {
		t.Fatalf("%s: %v", filepath.Join(path...), err)
	}
	return d
}

// The documented interface of the original, except for its binary's checksum.
func TestDocumentedDefaults(t *testing.T) {
	defaults := document[map[string]any](t, "defaults", "main.yml")
	for name, want := range map[string]any{
		"hapgent_version": "0.3.2", "hapgent_user": "nobody", "hapgent_group": "nogroup", "hapgent_ip": "0.0.0.0",
		"hapgent_port": 9777, "hapgent_state_file": "/etc/hapgent/state.json", "hapgent_status": "FAIL",
	} {
		if defaults[name] != want {
			t.Errorf("%s is %v by default, want %v", name, defaults[name], want)
		}
	}
	if version := newVersion(t); defaults["hapgent_version"] != version {
		t.Errorf("hapgent_version is %v by default, and VERSION %s", defaults["hapgent_version"], version)
	}
}

func TestChecksumIsThatOfTheBinaryOfThisTree(t *testing.T) {
	program, err := build.ProgramOf("hapgent")
	if err != nil {
		t.Fatal(err)
	}
	amd64, err := build.ArchitectureOf("amd64")
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "hapgent")
	if err := need.Source(t).Build(t.Context(), program, amd64, binary); err != nil {
		t.Fatal(err)
	}
	got := document[map[string]any](t, "defaults", "main.yml")["hapgent_checksum"]
	if want := sum(t, binary); got != want {
		t.Errorf("hapgent_checksum is %s by default, and the binary of this tree has %s: run `make role-checksum`", got, want)
	}
}

// The agent's units and the keys are the packages' own. There is no keyring before the
// first release.
func TestFilesAreThePackages(t *testing.T) {
	units, err := filepath.Glob(inTree(t, "packaging", "systemd", "hapgent[.@]*"))
	if err != nil || len(units) == 0 {
		t.Fatalf("no units: %v", err)
	}
	want := map[string]string{"allowed_signers": inTree(t, "packaging", "allowed_signers")}
	for _, unit := range units {
		want[filepath.Join("systemd", filepath.Base(unit))] = unit
	}
	keyring := inTree(t, "packaging", "hapgent-archive-keyring.asc")
	if _, err := os.Stat(keyring); err == nil {
		want["hapgent-archive-keyring.asc"] = keyring
	}
	found := map[string]string{}
	files := inTree(t, "ansible", "files")
	err = filepath.Walk(files, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			name, _ := filepath.Rel(files, path)
			found[name] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, of := range want {
		if *update {
			write(t, filepath.Join(files, name), read(t, of))
		} else if found[name] == "" || read(t, found[name]) != read(t, of) {
			t.Errorf("ansible/files/%s is not %s: run `make keys`, or `go test ./test/ansible -run %s -update`", name, of, t.Name())
		}
	}
	for name := range found {
		if want[name] == "" {
			t.Errorf("ansible/files/%s is in no package", name)
		}
	}
}

// option is a variable in argument_specs.
type option struct {
	Type        string
	Elements    string
	Default     any
	Choices     []string
	Required    bool
	Description string
	Options     map[string]option
}

// options are the variables of an entry point: of the role, "main", or of the
// playbooks and the role, "playbook".
func options(t *testing.T, entry string) map[string]option {
	t.Helper()
	type specs struct{ Options map[string]option }
	return document[map[string]map[string]specs](t, "meta", "argument_specs.yml")["argument_specs"][entry].Options
}

func TestArgumentSpecsAreOfTheDefaults(t *testing.T) {
	all := options(t, "playbook")
	defaults := document[map[string]any](t, "defaults", "main.yml")
	for name, value := range defaults {
		o, ok := all[name]
		if !ok {
			t.Errorf("argument_specs do not have %s", name)
		} else if name != "hapgent_checksum" && !equal(o.Default, value) {
			t.Errorf("%s is %v by default, and %v in argument_specs", name, value, o.Default)
		}
	}
	for name, o := range all {
		if _, ok := defaults[name]; !ok && o.Default != nil {
			t.Errorf("%s has no default, and %v in argument_specs", name, o.Default)
		}
		if o.Description == "" || o.Type == "" {
			t.Errorf("argument_specs say nothing of %s", name)
		}
	}
}

// Galaxy shows no more than README.md says: where the role runs, and the oldest
// controller.
func TestGalaxyShowsWhereItRuns(t *testing.T) {
	type platform struct{ Name string }
	type info struct {
		Least     string `yaml:"min_ansible_version"`
		Platforms []platform
	}
	meta := document[map[string]any](t, "meta", "main.yml")
	b, _ := yaml.Marshal(meta["galaxy_info"])
	var i info
	if err := yaml.Unmarshal(b, &i); err != nil {
		t.Fatal(err)
	}
	_, where, _ := strings.Cut(read(t, inTree(t, "ansible", "README.md")), "## Where it runs\n")
	where, _, _ = strings.Cut(where, "\n## ")
	if !strings.Contains(where, "controllers | ansible-core "+i.Least+",") {
		t.Errorf("README.md does not begin with ansible-core %s, which meta/main.yml has", i.Least)
	}
	names := map[string]string{"Debian": "Debian", "Ubuntu": "Ubuntu", "EL": "RHEL", "Fedora": "Fedora"}
	for _, p := range i.Platforms {
		if names[p.Name] == "" || !strings.Contains(where, names[p.Name]) {
			t.Errorf("meta/main.yml has %s, of which README.md does not say that the role runs there", p.Name)
		}
		delete(names, p.Name)
	}
	for name := range names {
		t.Errorf("meta/main.yml does not have %s", name)
	}
}

// TestReadmeTables checks that the tables of variables are those of argument_specs.
func TestReadmeTables(t *testing.T) {
	role, playbook := options(t, "main"), options(t, "playbook")
	for name := range role {
		delete(playbook, name)
	}
	path := inTree(t, "ansible", "README.md")
	text := read(t, path)
	for name, variables := range map[string]map[string]option{"variables": role, "instances": role["hapgent_instances"].Options, "playbook": playbook} {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, found := strings.Cut(text, begin)
		table, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Fatalf("%s has no place for a table, between %q and %q", path, begin, end)
		}
		want := variableTable(t, variables)
		if table != want && !*update {
			t.Errorf("%s: the table %s is not of argument_specs: run `go test ./test/ansible -run %s -update`", path, name, t.Name())
		}
		text = before + begin + want + end + after
	}
	if *update {
		write(t, path, text)
	}
}

// variableTable is in the order of argument_specs.
func variableTable(t *testing.T, variables map[string]option) string {
	specs := read(t, inTree(t, "ansible", "meta", "argument_specs.yml"))
	order := func(name string) int { return strings.LastIndex(specs, "  "+name+":\n") }
	names := slices.SortedFunc(maps.Keys(variables), func(a, b string) int { return order(a) - order(b) })
	var b strings.Builder
	b.WriteString("| variable | type | default | |\n|---|---|---|---|\n")
	for _, name := range names {
		v := variables[name]
		value := "not set"
		if v.Required {
			value = "required"
		} else if name == "hapgent_checksum" {
			value = "that of the release"
		} else if v.Default != nil {
			value = "`" + shown(t, v.Default) + "`"
		}
		description := strings.TrimSpace(v.Description)
		if len(v.Choices) > 0 {
			description += " One of `" + strings.Join(v.Choices, "` `") + "`."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, v.Type, value, description)
	}
	return b.String()
}

// shown is a default in YAML.
func shown(t *testing.T, value any) string {
	t.Helper()
	if text, ok := value.(string); ok && text != "" {
		return text
	}
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func equal(a, b any) bool {
	x, _ := yaml.Marshal(a)
	y, _ := yaml.Marshal(b)
	return string(x) == string(y)
}

// At most 24 tasks, handlers and the check of playbooks included: what is simple stays so. No shell, and only
// modules that ansible-core has.
func TestTasks(t *testing.T) {
	const most = 24
	n := 0
	modules := map[string]int{}
	var count func([]map[string]any)
	count = func(tasks []map[string]any) {
		for _, task := range tasks {
			if block, ok := task["block"]; ok {
				b, _ := yaml.Marshal(block)
				var inner []map[string]any
				if err := yaml.Unmarshal(b, &inner); err != nil {
					t.Fatal(err)
				}
				count(inner)
				continue
			}
			n++
			for key := range task {
				if strings.Contains(key, ".") {
					modules[key]++
				}
			}
		}
	}
	for _, folder := range []string{"tasks", "handlers"} {
		files, err := os.ReadDir(inTree(t, "ansible", folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			count(document[[]map[string]any](t, folder, file.Name()))
		}
	}
	t.Logf("%d tasks: %v", n, modules)
	if n == 0 || n > most {
		t.Errorf("the role has %d tasks, want 1 to %d", n, most)
	}
	for module, times := range modules {
		if !strings.HasPrefix(module, "ansible.builtin.") || module == "ansible.builtin.shell" {
			t.Errorf("the role uses %s %d times", module, times)
		}
	}
}

// The role is linted as it is installed, since its name is that of its folder.
func TestLint(t *testing.T) {
	t.Parallel()
	need.Command(t, "ansible-lint", "ansible-lint")
	need.Command(t, "yamllint", "yamllint")
	role := filepath.Join(roles(t), "hapgent")
	out := command(t, role, "ansible-lint", "--offline", "--nocolor", "-p", "--profile", "production", ".", "playbooks/rolling.yml", "playbooks/state.yml", "playbooks/status.yml")
	if !regexp.MustCompile(`Passed with production profile: 0 failure\(s\), 0 warning\(s\) on [0-9]{2} files`).MatchString(out) {
		t.Errorf("ansible-lint:\n%s", out)
	}
	command(t, role, "yamllint", "--strict", ".")
}

// ansible-galaxy has installed all files of the role in the tree, and no others.
func TestTarballIsComplete(t *testing.T) {
	installed := filepath.Join(roles(t), "hapgent")
	out := command(t, need.Root(t), "git", "ls-files", "--cached", "--others", "--exclude-standard", "ansible")
	want := map[string]bool{"meta/.galaxy_install_info": true}
	for name := range strings.FieldsSeq(out) {
		want[strings.TrimPrefix(name, "ansible/")] = true
	}
	err := filepath.WalkDir(installed, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(installed, path)
		if !d.Type().IsRegular() {
			t.Errorf("%s is no regular file", name)
		}
		if !want[name] {
			t.Errorf("%s is installed, and not in the tree", name)
		}
		delete(want, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(want) > 0 {
		t.Errorf("not installed: %v", slices.Sorted(maps.Keys(want)))
	}
}

// -e NAME=VALUE gives text for each type: a boolean, a list or a dictionary is read
// only in the rules, and in one file, which converts it.
func TestTextIsConvertedAtOnePlace(t *testing.T) {
	var names []string
	for name, o := range options(t, "playbook") {
		if slices.Contains([]string{"bool", "list", "dict"}, o.Type) {
			names = append(names, name)
		}
	}
	raw := regexp.MustCompile(`\b(` + strings.Join(names, "|") + `)\b`)
	root := inTree(t, "ansible")
	for _, folder := range []string{"tasks", "handlers", "templates", "playbooks", "vars"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Base(path) == "values.yml" || filepath.Base(path) == "rules.yml" {
				return err
			}
			for line := range strings.Lines(read(t, path)) {
				if m := raw.FindString(line); m != "" && !strings.HasPrefix(strings.TrimSpace(line), "#") {
					t.Errorf("%s reads %s, which may be text: %s", path, m, line)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
