package signatures

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestWithoutIdentity asks hapgent-verify without -I. ssh-keygen must accept the named
// signer with -I; if hapgent-verify refuses, ssh-keygen must refuse everyone whom its
// find-principals names; except for the known differences.
func TestWithoutIdentity(t *testing.T) {
	var questions []question
	questions = append(questions, lineQuestions(t)...)
	questions = append(questions, certificateQuestions(t)...)
	for i, q := range randomLines(t) {
		if i%3 == 0 {
			questions = append(questions, q)
		}
	}
	keygen := machine(t)
	askAll(t, questions, func(w *worker, q question) { w.askWithoutIdentity(keygen, q.withDefaults()) })
}

func (w *worker) askWithoutIdentity(o *oracle, q question) {
	args := w.write(q)[2:] // without -I
	ours := w.run(q, exec.Command(verifier(), args...))
	w.checkOurs(q, ours)
	name, escaped := unescape(between(ours.stdout, "signature for ", " with "))
	names := []string{name}
	if !ours.accepted {
		names = w.findPrincipals(o, q, args)
	}
	for _, name := range names {
		theirs := w.run(q, o.command("ssh-keygen", append([]string{"-Y", "verify", "-I", name}, args...)...))
		if theirs.accepted != ours.accepted && o.explain(q, theirs.accepted) != "" {
			continue
		}
		if theirs.accepted != ours.accepted || ours.accepted && !escaped && theirs.stdout != ours.stdout {
			w.t.Errorf("%s: hapgent-verify without -I: %q %q\nssh-keygen with %q: %q %q\nof %v",
				q.name, ours.stdout, ours.stderr, name, theirs.stdout, theirs.stderr, q)
		}
	}
}

func between(text, before, after string) string {
	_, text, _ = strings.Cut(text, before)
	text, _, _ = strings.Cut(text, after)
	return text
}

// unescape returns a name as it was before it was made safe for the terminal.
func unescape(name string) (plain string, escaped bool) {
	plain, err := strconv.Unquote(`"` + name + `"`)
	if err != nil || plain == name {
		return name, false
	}
	return plain, true
}

// findPrincipals returns the possible signers by ssh-keygen. With a line such as ","
// this is an empty name, which hapgent-verify does not accept as a signer.
func (w *worker) findPrincipals(o *oracle, q question, args []string) []string {
	find := []string{"-Y", "find-principals"}
	for i := 0; i < len(args); i += 2 {
		if args[i] != "-n" {
			find = append(find, args[i], args[i+1])
		}
	}
	found := w.execute(q, o.command("ssh-keygen", find...))
	if !found.accepted {
		return nil
	}
	names := strings.Split(found.stdout, "\n")
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}
