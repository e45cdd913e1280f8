package hosts

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

// modelled is an agent and its expected state.
type modelled struct {
	port, unit, file string
	state            map[string]string // "status", "weight", "maxconn" to the word in the answer; none: ""
	late             []string          // statuses of signals of the round before, which may be obeyed late
	random           *rand.Rand
	shown, told      int
}

// A thousand random changes of three agents at once, with signals and kill -9. The
// command's result is true: after 0 the answer has the change; otherwise there is a
// sentence, and nothing else has changed. A signal may undo a status only.
func TestHapgentctlKeepsToAModel(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		h.Run("systemctl enable --quiet --now hapgent@9778 hapgent@9779; hapgentctl -a up")
		const rounds = 334
		agents := []*modelled{
			{port: "9777", unit: "hapgent", file: "/etc/hapgent/state.json"},
			{port: "9778", unit: "hapgent@9778", file: "/etc/hapgent/9778.json"},
			{port: "9779", unit: "hapgent@9779", file: "/etc/hapgent/9779.json"},
		}
		var group sync.WaitGroup
		for i, a := range agents {
			a.state = map[string]string{"status": "UP"}
			a.random = rand.New(rand.NewPCG(uint64(i), 1))
			group.Go(func() {
				for round := 0; round < rounds && !t.Failed(); round++ {
					a.change(t, h)
				}
			})
		}
		group.Wait()
		shown, told := 0, 0
		for _, a := range agents {
			shown, told = shown+a.shown, told+a.told
		}
		t.Logf("%d changes shown, %d not made and told", shown, told)
		if !t.Failed() && shown < rounds*len(agents)/2 {
			t.Errorf("only %d of %d changes were shown", shown, shown+told)
		}
	})
}

// words are a random change, by the kind of the word.
func (a *modelled) words() map[string]string {
	words := map[string]string{}
	for len(words) == 0 {
		if a.random.IntN(2) == 0 {
			words["status"] = []string{"UP", "DOWN", "READY", "DRAIN", "FAIL", "MAINT", "STOPPED"}[a.random.IntN(7)]
		}
		if a.random.IntN(3) == 0 {
			words["weight"] = []string{"", strconv.Itoa(a.random.IntN(256)) + "%"}[min(a.random.IntN(4), 1)]
		}
		if a.random.IntN(3) == 0 {
			words["maxconn"] = []string{"", "maxconn:" + strconv.Itoa(a.random.IntN(65536))}[min(a.random.IntN(4), 1)]
		}
	}
	return words
}

// command is hapgentctl's command for the words.
func command(words map[string]string) string {
	line := words["status"]
	for _, kind := range []string{"weight", "maxconn"} {
		if word, named := words[kind]; named && word == "" {
			line += " " + kind + ":-"
		} else {
			line += " " + word
		}
	}
	return "set '" + strings.TrimSpace(line) + "'"
}

var outcome = regexp.MustCompile(`(?s)^(.*)exit ([01])\n(\S+)((?: \d+%)?)((?: maxconn:\d+)?)\n$`)

// change changes the agent once, with signals beside, and compares.
func (a *modelled) change(t *testing.T, h *lab.Host) {
	words := a.words()
	var signals, statuses []string
	for range max(a.random.IntN(6)-3, 0) {
		signal := a.random.IntN(4)
		signals = append(signals, []string{"USR1", "USR2", "HUP", "KILL"}[signal])
		statuses = append(statuses, []string{"UP", "DOWN", "", ""}[signal])
	}
	script := fmt.Sprintf(`set +e
(for s in %s; do sleep 0.0%d; systemctl kill -s $s %s; done) 2>/dev/null &
hapgentctl -t 120 -i %s %s 2>&1
echo exit $?
wait
for i in $(seq 1200); do
	answer=$(HAPGENT_PORT=%s hapgent --ask 2>/dev/null) && [ "$answer" = "$(HAPGENT_STATE_FILE=%s hapgent --check)" ] && break
	sleep 0.1
done
echo "$answer"`, strings.Join(signals, " "), a.random.IntN(10), a.unit, a.port, command(words), a.port, a.file)
	out := h.Run(script)
	m := outcome.FindStringSubmatch(out)
	if m == nil {
		t.Errorf("%s, %s, with %q: %q", a.unit, command(words), signals, out)
		return
	}
	shown := m[2] == "0"
	got := map[string]string{"status": m[3], "weight": strings.TrimSpace(m[4]), "maxconn": strings.TrimSpace(m[5])}
	if shown {
		a.shown++
	} else if a.told++; !strings.HasPrefix(m[1], "hapgentctl: "+a.unit+": ") {
		t.Errorf("%s, %s, with %q: exit status 1, and told %q", a.unit, command(words), signals, m[1])
	}
	for kind, value := range got {
		may := []string{a.state[kind]}
		if word, named := words[kind]; named && shown {
			may = []string{word}
		} else if named {
			may = append(may, word)
		}
		if kind == "status" {
			may = append(append(may, statuses...), a.late...)
		}
		if !slices.Contains(may, value) {
			t.Errorf("%s was %q; %s, with %q, said %q (shown: %v); %s is %q, want one of %q", a.unit, a.state, command(words), signals, m[1], shown, kind, value, may)
		}
	}
	a.state, a.late = got, statuses
}
