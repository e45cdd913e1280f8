package docs

import (
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// form is an issue form as GitHub reads it, and chooser the page that offers
// them: https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests.
type (
	form struct {
		Name, Description string
		Labels            []string
		Body              []struct {
			Type, ID   string
			Attributes struct {
				Label, Description, Placeholder, Value, Render string
			}
			Validations struct{ Required bool }
		}
	}
	chooser struct {
		BlankIssuesEnabled bool                                `yaml:"blank_issues_enabled"`
		ContactLinks       []struct{ Name, URL, About string } `yaml:"contact_links"`
	}
)

// decode refuses what GitHub has no meaning for.
func decode(t *testing.T, text string, into any) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

func TestIssueForms(t *testing.T) {
	for name, wants := range map[string][]string{
		"bug_report.yml":      {"hapgent --version", "systemctl status", "journalctl -u hapgent", "haproxy -v", "show stat"},
		"feature_request.yml": nil,
	} {
		text := need.Read(t, ".github", "ISSUE_TEMPLATE", name)
		var f form
		decode(t, text, &f)
		if f.Name == "" || f.Description == "" || len(f.Body) == 0 {
			t.Errorf("%s: a form needs name, description and body, found %+v", name, f)
		}
		var ids []string
		for _, field := range f.Body {
			isText := field.Type == "markdown"
			if !isText && (!slices.Contains([]string{"input", "textarea"}, field.Type) || field.ID == "" || field.Attributes.Label == "") {
				t.Errorf("%s: a field needs type, id and label, found %+v", name, field)
			}
			if !isText && slices.Contains(ids, field.ID) {
				t.Errorf("%s: two fields have the id %q", name, field.ID)
			}
			ids = append(ids, field.ID)
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not ask for %q", name, want)
			}
		}
	}
}

func TestIssueChooser(t *testing.T) {
	var c chooser
	decode(t, need.Read(t, ".github", "ISSUE_TEMPLATE", "config.yml"), &c)
	for _, link := range c.ContactLinks {
		path, found := strings.CutPrefix(link.URL, "https://github.com/epicfilemcnulty/hapgent/blob/main/")
		if !found {
			continue
		}
		if err := follow(".", path, tracked(t), documents(t)); err != nil {
			t.Errorf("config.yml: %v", err)
		}
	}
	if len(c.ContactLinks) < 2 {
		t.Errorf("config.yml has %d links, want one for vulnerabilities and one to the symptoms", len(c.ContactLinks))
	}
}
