// Package signatures compares hapgent-verify's answers to thousands of questions
// with those of several versions of ssh-keygen: the machine's, and those of Debian
// 11 and 13, of the backports and of testing.
//
// Each file here generates questions: about the parts of a signature, the keys that
// make it, the lines that allow it, the times, the lists of revoked keys, and all
// of these with every byte damaged. Each question goes to all programs; none is
// skipped. Where versions of OpenSSH differ from hapgent-verify, differences names
// the case; any other difference fails the test.
package signatures

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// bin has the command under test.
var bin string

func TestMain(m *testing.M) { os.Exit(need.Programs(m, &bin, "hapgent-verify")) }

func verifier() string { return filepath.Join(bin, "hapgent-verify") }

// content is the file that is signed, unless a question has another.
const content = "what is signed\n"

const me = "me@example.com"

// question is a question to both programs.
type question struct {
	name       string
	armored    []byte
	signers    string
	file       string // content if empty
	identity   string // me if empty
	namespace  string // file if empty
	revocation []byte // nil: no -r
	verifyTime string // empty: now
	zone       string // TZ; UTC if empty
	lost       string // an option whose value is the empty word
}

func (q question) String() string {
	return fmt.Sprintf("identity %q, namespace %q, verify-time %q, TZ %q\n%s%s%x",
		q.identity, q.namespace, q.verifyTime, q.zone, q.armored, q.signers, q.revocation)
}

// answer is what a program said: whether it accepted, and its Good line.
type answer struct {
	accepted       bool
	status         int
	stdout, stderr string
}

// worker has a directory in which it writes the files of a question.
type worker struct {
	t   *testing.T
	dir string
}

// ask asks everyone.
func (w *worker) ask(q question) {
	w.t.Helper()
	q = q.withDefaults()
	args := w.write(q)
	ours := w.run(q, exec.Command(verifier(), args...))
	w.checkOurs(q, ours)
	for _, o := range oracles(w.t) {
		o.add(w.t, q, w.run(q, o.command("ssh-keygen", append([]string{"-Y", "verify"}, args...)...)), ours)
	}
}

func (q question) withDefaults() question {
	for _, field := range []struct {
		value   *string
		initial string
	}{{&q.file, content}, {&q.identity, me}, {&q.namespace, "file"}, {&q.zone, "UTC"}} {
		if *field.value == "" {
			*field.value = field.initial
		}
	}
	return q
}

// write writes the files of a question, and returns the arguments that both
// programs share.
func (w *worker) write(q question) []string {
	args := []string{"-I", q.identity, "-n", q.namespace,
		"-f", w.file("signers", []byte(q.signers)), "-s", w.file("signature", q.armored)}
	if q.revocation != nil {
		args = append(args, "-r", w.file("revocation", q.revocation))
	}
	if q.verifyTime != "" {
		args = append(args, "-O", "verify-time="+q.verifyTime)
	}
	if i := slices.Index(args, q.lost); i >= 0 {
		args[i+1] = ""
	}
	return args
}

func (w *worker) file(name string, data []byte) string {
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		w.t.Error(err)
	}
	return path
}

// run asks a program that says Good, and nothing else, of what it accepts.
func (w *worker) run(q question, cmd *exec.Cmd) answer {
	w.t.Helper()
	said := w.execute(q, cmd)
	if strings.HasPrefix(said.stdout, "Good ") != said.accepted {
		w.t.Errorf("%s: %q says %q and ends with status %d", q.name, cmd.Args, said.stdout, said.status)
	}
	return said
}

func (w *worker) execute(q question, cmd *exec.Cmd) answer {
	w.t.Helper()
	cmd.Env = append(os.Environ(), "TZ="+q.zone, "LC_ALL=C.UTF-8")
	cmd.Stdin = strings.NewReader(q.file)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		w.t.Fatalf("%q: %v", cmd.Args, err)
	}
	return answer{err == nil, cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// checkOurs holds hapgent-verify to its own contract: a reason for each
// refusal, and one of the documented statuses.
func (w *worker) checkOurs(q question, ours answer) {
	if ours.accepted {
		return
	}
	if ours.status != 1 && ours.status != 2 || ours.stdout != "" ||
		strings.Count(ours.stderr, "\n") < 1 || strings.Contains(ours.stderr, "goroutine ") {
		w.t.Errorf("%s: a refusal with status %d, %q and %q", q.name, ours.status, ours.stdout, ours.stderr)
	}
}

// askAll asks questions in as many workers as there are processors here.
func askAll(t *testing.T, questions []question, ask func(*worker, question)) {
	t.Helper()
	queue := make(chan question)
	var done sync.WaitGroup
	for range runtime.NumCPU() {
		w := &worker{t, t.TempDir()}
		done.Go(func() {
			for q := range queue {
				ask(w, q)
			}
		})
	}
	for _, q := range questions {
		q.name = t.Name() + "/" + q.name
		queue <- q
	}
	close(queue)
	done.Wait()
}

// minAccepted and minRefused are how many questions at least must be accepted and
// refused, so that not all have the same answer.
const minAccepted, minRefused = 500, 3000

// TestAgreement asks everything.
func TestAgreement(t *testing.T) {
	for _, group := range []struct {
		name      string
		questions func(*testing.T) []question
	}{
		{"keys", keyQuestions},
		{"made by ssh-keygen", madeBySSHKeygen},
		{"made here", madeHere},
		{"blob", blobQuestions},
		{"each byte of the blob", damagedBlobs},
		{"each byte of the armor", damagedArmor},
		{"armor", armorQuestions},
		{"vectors of OpenSSH", vectorQuestions},
		{"certificates", certificateQuestions},
		{"lines", lineQuestions},
		{"random lines", randomLines},
		{"times", timeQuestions},
		{"revocation", revocationQuestions},
		{"lost options", lostQuestions},
		{"each byte of a KRL", damagedKRLs},
	} {
		t.Run(group.name, func(t *testing.T) {
			questions := group.questions(t)
			askAll(t, questions, (*worker).ask)
			t.Logf("%d questions", len(questions))
		})
	}
	for _, o := range oracles(t) {
		t.Log(o.summary())
		if o.accepted < minAccepted || o.asked-o.accepted < minRefused {
			t.Errorf("%s accepted %d of %d: the questions are too much of one kind", o.name, o.accepted, o.asked)
		}
	}
}
