package tools

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

// workflows are all of them, by the names of their files.
func workflows(t *testing.T) map[string]*actionlint.Workflow {
	t.Helper()
	paths, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil || len(paths) < 3 {
		t.Fatalf("%q, %v", paths, err)
	}
	all := map[string]*actionlint.Workflow{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		workflow, problems := actionlint.Parse(text)
		if len(problems) > 0 {
			t.Fatalf("%s: %v", path, problems)
		}
		all[filepath.Base(path)] = workflow
	}
	return all
}

// A tag of an action can be moved to other code; a commit cannot. Of two versions
// of one the older is forgotten.
func TestActionsArePinnedByCommit(t *testing.T) {
	pinned := regexp.MustCompile(`(?m)uses: ([\w-]+/[\w-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$`)
	versions := map[string]string{}
	for name, workflow := range workflows(t) {
		if workflow.Permissions == nil {
			t.Errorf("%s: no permissions for all of its jobs, which then have many", name)
		}
		text, err := os.ReadFile(filepath.Join("../.github/workflows", name))
		if err != nil {
			t.Fatal(err)
		}
		found := pinned.FindAllStringSubmatch(string(text), -1)
		if uses := strings.Count(string(text), "uses: "); uses != len(found) {
			t.Errorf("%s: of %d actions %d are pinned by their commits, with the version behind", name, uses, len(found))
		}
		for _, m := range found {
			if other, ok := versions[m[1]]; ok && other != m[2] {
				t.Errorf("%s: %s is %q here, and %q elsewhere", name, m[1], m[2], other)
			}
			versions[m[1]] = m[2]
		}
	}
}

// steps are the commands of a job, and the actions without their versions.
func steps(job *actionlint.Job) (all []string) {
	for _, step := range job.Steps {
		switch exec := step.Exec.(type) {
		case *actionlint.ExecRun:
			all = append(all, exec.Run.Value)
		case *actionlint.ExecAction:
			action, _, _ := strings.Cut(exec.Uses.Value, "@")
			all = append(all, action)
		}
	}
	return all
}

// Steps with more than one command cannot be run here.
func TestWorkflowsOnlyCallWhatTestsRun(t *testing.T) {
	called := regexp.MustCompile(`^(POOL="\$RUNNER_TEMP/pool" )?(make|tools/bin/|\.ci/run|git config |git fetch |apt-get )`)
	for name, workflow := range workflows(t) {
		for id, job := range workflow.Jobs {
			for _, step := range job.Steps {
				if run, ok := step.Exec.(*actionlint.ExecRun); ok && (!called.MatchString(run.Run.Value) || strings.Contains(strings.TrimSpace(run.Run.Value), "\n")) {
					t.Errorf("%s: %s runs %q: put it into tools/bin, with a test", name, id, run.Run.Value)
				}
			}
		}
	}
}

// before reports whether a job waits for another.
func before(jobs map[string]*actionlint.Job, first, then string) bool {
	return slices.ContainsFunc(jobs[then].Needs, func(need *actionlint.String) bool {
		return need.Value == first || before(jobs, first, need.Value)
	})
}

func TestReleaseIsPublishedOnceItWasMadeTwice(t *testing.T) {
	jobs := workflows(t)["release.yml"].Jobs
	order := []string{"check", "make", "rebuild", "attest", "publish", "repositories"}
	if len(jobs) != len(order) {
		t.Fatalf("%d jobs, want %q", len(jobs), order)
	}
	for i := range order[1:] {
		if !before(jobs, order[i], order[i+1]) {
			t.Errorf("the job %s does not wait for %s", order[i+1], order[i])
		}
	}
	for id, wants := range map[string][]string{
		"check":   {"tools/bin/ci-is-green", "make check"},
		"make":    {`tools/bin/fetch-pool "$RUNNER_TEMP/pool"`, `POOL="$RUNNER_TEMP/pool" tools/bin/release-with-secrets`},
		"rebuild": {`tools/bin/fetch-pool "$RUNNER_TEMP/pool"`, `POOL="$RUNNER_TEMP/pool" make verify-release DIST="$RUNNER_TEMP/dist"`},
		"publish": {"make publish"}, "repositories": {"tools/bin/make-site site", "actions/deploy-pages"},
	} {
		for _, want := range wants {
			if got := steps(jobs[id]); !slices.Contains(got, want) {
				t.Errorf("the job %s does not run %q, but %q", id, want, got)
			}
		}
	}
	if a, b := jobs["make"].RunsOn.Labels[0].Value, jobs["rebuild"].RunsOn.Labels[0].Value; a == b || !strings.HasSuffix(b, "-arm") {
		t.Errorf("a release is made on %s, and again on %s", a, b)
	}
	text, err := os.ReadFile("../.github/workflows/release.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"", "apt/", "yum/"} {
		if !strings.Contains(string(text), "subject-checksums: dist/"+folder+"SHA256SUMS\n") {
			t.Errorf("nothing attests what is in dist/%s", folder)
		}
	}
}

// Only one job has the secrets, after a maintainer's approval; and each job lists its
// permissions.
func TestJobsMayDoWhatTheyMust(t *testing.T) {
	for id, job := range workflows(t)["release.yml"].Jobs {
		if job.Permissions == nil {
			t.Errorf("the job %s does not say what it may do", id)
		}
		for _, step := range job.Steps {
			if step.Env == nil {
				continue
			}
			for _, variable := range step.Env.Vars {
				if strings.Contains(variable.Value.Value, "secrets.") && (id != "make" || job.Environment.Name.Value != "signing") {
					t.Errorf("the job %s has %s", id, variable.Value.Value)
				}
			}
		}
	}
}

// A job that is run again finds the results of the jobs before it, and is not hindered
// by its own earlier run.
func TestJobsCanBeRunAgain(t *testing.T) {
	for name, workflow := range workflows(t) {
		for id, job := range workflow.Jobs {
			for _, step := range job.Steps {
				action, ok := step.Exec.(*actionlint.ExecAction)
				if !ok || action.Inputs["name"] == nil {
					continue
				}
				want := "${{ github.run_attempt }}"
				if strings.HasPrefix(action.Uses.Value, "actions/download-artifact@") {
					want = "${{ needs.make.outputs.dist }}"
				}
				if artifact := action.Inputs["name"].Value.Value; !strings.HasSuffix(artifact, want) {
					t.Errorf("%s: %s: the artifact is %q, want one that ends with %s", name, id, artifact, want)
				}
			}
		}
	}
}

// Checks of modules check all modules.
func TestEveryModuleIsLookedAt(t *testing.T) {
	modules, err := filepath.Glob("../*/go.mod")
	if err != nil || len(modules) < 2 {
		t.Fatalf("%q, %v", modules, err)
	}
	for path, want := range map[string]string{"../Makefile": "for module in . %; do", "../.github/dependabot.yml": "directories: [/, %]"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, module := range modules {
			names = append(names, strings.TrimPrefix(filepath.Dir(module), "../"))
		}
		list := strings.Join(names, " ")
		if strings.HasSuffix(path, ".yml") {
			list = "/" + strings.Join(names, ", /")
		}
		if want = strings.Replace(want, "%", list, 1); !strings.Contains(string(text), want) {
			t.Errorf("%s does not have %q", path, want)
		}
	}
}
