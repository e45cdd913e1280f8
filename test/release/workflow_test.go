package release

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release"
	"github.com/epicfilemcnulty/hapgent/internal/release/gnupg"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

// script is one of those that the workflow release calls, in the releaser's tree;
// GitHub answers as answers has it, by path and query.
func script(t *testing.T, answers map[string]string, name string, args ...string) *exec.Cmd {
	t.Helper()
	need.Command(t, "jq", "jq")
	github := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[strings.TrimPrefix(r.URL.RequestURI(), "/repos/owner/hapgent/")]
		switch {
		case r.Header.Get("Authorization") != "Bearer token":
			w.WriteHeader(http.StatusUnauthorized)
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		case answer == "":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			fmt.Fprint(w, answer)
		}
	}))
	t.Cleanup(github.Close)
	cmd := exec.Command(filepath.Join(who.Tree, "tools/bin", name), args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(need.Unmade(), "GITHUB_API_URL="+github.URL, "GITHUB_REPOSITORY=owner/hapgent", "GITHUB_TOKEN=token")
	return cmd
}

// secretKeys are a releaser's OpenPGP keys, as the secret of the workflow has them.
func secretKeys(t *testing.T, r *releaser.Releaser) string {
	t.Helper()
	return output(t, "/", "", "gpg", "--homedir", r.GnuPG, "--batch", "--armor", "--export-secret-keys")
}

// The release that the tests look at is made by these lines; here, which keys they
// find, and what they leave.
func TestReleaseWithSecrets(t *testing.T) {
	other, err := releaser.New()
	do(t, err)
	defer other.Remove()
	bin, temporary := t.TempDir(), t.TempDir()
	do(t, os.WriteFile(filepath.Join(bin, "make"), []byte("#!/bin/sh\nenv; cat \"$SIGNING_KEY\"; ls -l \"$SIGNING_KEY\"; gpg --list-secret-keys\n"), 0o755))
	cmd := script(t, nil, "release-with-secrets")
	cmd.Env = append(cmd.Env, "PATH="+bin+":"+os.Getenv("PATH"), "TMPDIR="+temporary,
		"SSH_SECRET="+strings.TrimSpace(string(read(t, who.Key))), "GPG_SECRET="+secretKeys(t, who)+secretKeys(t, other))
	out, err := cmd.CombinedOutput()
	do(t, err)
	want := "GPG_KEY="
	for _, r := range []*releaser.Releaser{who, other} {
		keys, err := gnupg.Find(t.Context(), r.GnuPG, releaser.Name)
		do(t, err)
		keyring, err := keys.Export(t.Context())
		do(t, err)
		fingerprints, err := gnupg.Fingerprints(t.Context(), keyring)
		do(t, err)
		want += fingerprints[0] + " "
	}
	for _, want := range []string{strings.TrimSpace(want) + "\n", string(read(t, who.Key)), "-rw------- "} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("make does not find %q:\n%s", want, out)
		}
	}
	if bytes.Contains(out, []byte("_SECRET=")) {
		t.Errorf("make has the secrets in its environment:\n%s", out)
	}
	if left := files(t, temporary); len(left) > 0 {
		t.Errorf("it leaves %q", left)
	}
}

func TestReleaseOfACommitThatIsNotGreenIsRefused(t *testing.T) {
	commit := strings.TrimSpace(output(t, who.Tree, "", "git", "rev-parse", "HEAD"))
	query := "actions/workflows/ci.yml/runs?head_sha=" + commit + "&branch=main&event=push&status=success&per_page=1"
	green := script(t, map[string]string{query: `{"total_count": 2, "workflow_runs": []}`}, "ci-is-green")
	if out, err := green.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	for answer, want := range map[string]string{
		`{"total_count": 0, "workflow_runs": []}`: "ci has not succeeded on main for " + commit,
		`{}`: "ci has not succeeded",
		"":   "status 500",
	} {
		if said := fails(t, script(t, map[string]string{query: answer}, "ci-is-green")); !strings.Contains(said, want) {
			t.Errorf("%q: says %q, want %q", answer, said, want)
		}
	}
	fails(t, script(t, nil, "ci-is-green"))
}

// pages serves a folder as the published site.
func pages(t *testing.T, folder string) string {
	site := httptest.NewServer(http.FileServer(http.Dir(folder)))
	t.Cleanup(site.Close)
	return site.URL
}

// A published release is fetched whole and unchanged, or not at all.
func TestPoolIsWhatIsPublished(t *testing.T) {
	const releases = "releases?per_page=1"
	fetched := filepath.Join(t.TempDir(), "pool")
	if out, err := script(t, nil, "fetch-pool", fetched, pages(t, who.Dist())).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, folder := range []string{"apt", "yum"} {
		if ours, theirs := files(t, filepath.Join(fetched, folder)), files(t, filepath.Join(who.Dist(), folder)); !slices.Equal(ours, theirs) {
			t.Errorf("fetched are %q of %q", ours, theirs)
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	if out, err := script(t, map[string]string{releases: "[]"}, "fetch-pool", none, pages(t, t.TempDir())).CombinedOutput(); err != nil || len(files(t, none)) > 0 {
		t.Errorf("before the first release: %v, %q\n%s", err, files(t, none), out)
	}
	changed, leading := copyOfDist(t), copyOfDist(t)
	change(t, 100, changed, "yum", "repodata", "repomd.xml")
	write(t, strings.Repeat("0", 64)+"  ../../outside\n", leading, "apt", "SHA256SUMS")
	incomplete := copyOfDist(t)
	do(t, os.Remove(filepath.Join(incomplete, "apt/dists/stable/InRelease")))
	for name, c := range map[string]struct{ site, want string }{
		"a changed file":       {pages(t, changed), "repodata/repomd.xml: FAILED"},
		"a name that leads up": {pages(t, leading), "is no list of sums and of names below it"},
		"a missing file":       {pages(t, incomplete), "404"},
		"a site that is gone":  {pages(t, t.TempDir()), "is not there, and releases are: is the site down?"},
	} {
		cmd := script(t, map[string]string{releases: `[{"tag_name": "v0.3.1"}]`}, "fetch-pool", filepath.Join(t.TempDir(), "pool"), c.site)
		if said := fails(t, cmd); !strings.Contains(said, c.want) {
			t.Errorf("%s: says %q, want %q", name, said, c.want)
		}
	}
}

// The site has all files that the README and the installed packages fetch from it.
func TestSiteHasWhatHostsAskFor(t *testing.T) {
	site := filepath.Join(t.TempDir(), "site")
	if out, err := script(t, nil, "make-site", site).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text := need.Read(t, "README.md") + string(read(t, site, "hapgent.sources")) + string(read(t, site, "hapgent.repo"))
	asked := regexp.MustCompile(regexp.QuoteMeta(release.Site)+`/([^\s)]+)`).FindAllStringSubmatch(text, -1)
	if len(asked) < 5 {
		t.Fatalf("only %q are asked for", asked)
	}
	for _, m := range asked {
		if _, err := os.Stat(filepath.Join(site, m[1])); err != nil {
			t.Error(err)
		}
	}
	for _, folder := range []string{"apt", "yum"} {
		output(t, filepath.Join(site, folder), "", "sha256sum", "--strict", "--quiet", "--check", "SHA256SUMS")
	}
}

// A published release is never changed; if it is unknown whether it is published,
// nothing is published.
func TestPublishedReleaseIsLeftAlone(t *testing.T) {
	path := "releases/tags/v" + need.Source(t).Version
	answer, err := json.Marshal(map[string]any{"draft": false})
	do(t, err)
	if out, err := script(t, map[string]string{path: string(answer)}, "publish").CombinedOutput(); err != nil || !bytes.Contains(out, []byte("is published already")) {
		t.Errorf("%v\n%s", err, out)
	}
	if said := fails(t, script(t, map[string]string{path: ""}, "publish")); !strings.Contains(said, "status 500") {
		t.Errorf("says %q", said)
	}
}
