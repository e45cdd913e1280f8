package docs

import (
	"fmt"
	"net/url"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// tracked are the files of the tree, by their paths: those that git tracks, and
// those that it would.
func tracked(t *testing.T, patterns ...string) []string {
	t.Helper()
	list := exec.Command("git", append([]string{"ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "--"}, patterns...)...)
	list.Dir = need.Root(t)
	out, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	return strings.Fields(string(out))
}

// documents are all those in Markdown, by their paths.
func documents(t *testing.T) map[string]document {
	t.Helper()
	all := map[string]document{}
	for _, name := range tracked(t, "*.md") {
		all[name] = parseDocument([]byte(need.Read(t, filepath.FromSlash(name))))
	}
	return all
}

// document is what links are made of in a file of Markdown.
type document struct {
	links   []string
	anchors map[string]bool
}

func parseDocument(markdown []byte) document {
	d := document{anchors: map[string]bool{}}
	tree := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(markdown))
	ast.Walk(tree, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch node := node.(type) {
		case *ast.Link:
			d.links = append(d.links, string(node.Destination))
		case *ast.Image:
			d.links = append(d.links, string(node.Destination))
		case *ast.AutoLink:
			if node.AutoLinkType == ast.AutoLinkURL {
				d.links = append(d.links, string(node.URL(markdown)))
			}
		case *ast.Heading:
			d.anchors[d.newAnchor(slug(plainText(node, markdown)))] = true
		}
		return ast.WalkContinue, nil
	})
	return d
}

func plainText(node ast.Node, markdown []byte) string {
	var b strings.Builder
	ast.Walk(node, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if leaf, ok := node.(*ast.Text); ok && entering {
			b.Write(leaf.Segment.Value(markdown))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// slug is the anchor that GitHub gives a heading.
func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

// newAnchor is the slug, with the number that GitHub puts behind one that is taken.
func (d document) newAnchor(slug string) string {
	anchor := slug
	for n := 1; d.anchors[anchor]; n++ {
		anchor = fmt.Sprintf("%s-%d", slug, n)
	}
	return anchor
}

func TestSlugs(t *testing.T) {
	d := parseDocument([]byte("# What's `new`, in 0.3.2?\n## Über uns\n## a_b -- c\n## a_b -- c\n```\n# no heading\n```\n"))
	for _, want := range []string{"whats-new-in-032", "über-uns", "a_b----c", "a_b----c-1"} {
		if !d.anchors[want] {
			t.Errorf("no anchor %q in %v", want, d.anchors)
		}
	}
	if len(d.anchors) != 4 {
		t.Errorf("anchors %v, want 4", d.anchors)
	}
}

// A link within the tree leads to a file of the tree, and to a heading in it; one
// to elsewhere is at least a URL of the web.
func TestLinksLeadSomewhere(t *testing.T) {
	files, documents, links := tracked(t), documents(t), 0
	for name, d := range documents {
		for _, link := range d.links {
			links++
			if err := follow(name, link, files, documents); err != nil {
				t.Errorf("%s: link to %q: %v", name, link, err)
			}
		}
	}
	if len(documents) < 8 || links < 20 {
		t.Errorf("only %d links in %d documents", links, len(documents))
	}
}

func follow(from, link string, files []string, documents map[string]document) error {
	to, err := url.Parse(link)
	if err != nil {
		return err
	}
	if to.Scheme != "" || to.Host != "" {
		if to.Scheme != "https" || !strings.Contains(to.Host, ".") {
			return fmt.Errorf("expected https://HOST/…, found scheme %q and host %q", to.Scheme, to.Host)
		}
		return nil
	}
	target := from
	if to.Path != "" {
		target = path.Join(path.Dir(from), to.Path)
	}
	isFolder := slices.ContainsFunc(files, func(file string) bool { return strings.HasPrefix(file, target+"/") })
	if !isFolder && !slices.Contains(files, target) {
		return fmt.Errorf("the tree has no %q", target)
	}
	if to.Fragment == "" {
		return nil
	}
	if d := documents[target]; !d.anchors[to.Fragment] {
		return fmt.Errorf("%q has no heading with the anchor %q", target, to.Fragment)
	}
	return nil
}
