//go:build linux

package agent

import (
	"strings"
	"syscall"
	"testing"
)

// TestQueueKeepsWhatMatters gives the queue signals that come while the keeper is
// busy: 1 and 2 for SIGUSR1 and SIGUSR2, H for SIGHUP, T for SIGTERM, S for a
// word on descriptors.
func TestQueueKeepsWhatMatters(t *testing.T) {
	letters := map[rune]event{
		'1': {setEvent, syscall.SIGUSR1}, '2': {setEvent, syscall.SIGUSR2}, 'H': {reloadEvent, syscall.SIGHUP},
		'T': {stopEvent, syscall.SIGTERM}, 'S': {kind: starvedEvent},
	}
	for sent, want := range map[string]string{
		"1": "1", "12": "2", "21": "1", "H": "H", "HH": "H", "1H": "1H", "H1": "H1",
		"1H2":                         "H2",  // the reload finds the weight that the second status saves
		"H1H":                         "H1H", // the last reload reads what was written after the status
		"H1H2":                        "H2",
		"H1H2H":                       "H2H",
		"12H12H1":                     "H1",
		"1T":                          "1T",
		"S1S":                         "1S",
		strings.Repeat("1H2HS", 1000): "H2HS",
		"T1":                          "T1", // the keeper never comes to the second
	} {
		q := newQueue()
		for _, c := range sent {
			q.add(letters[c])
		}
		var got strings.Builder
		for len(q.events) > 0 {
			e := q.next()
			for c, l := range letters {
				if l == e {
					got.WriteRune(c)
				}
			}
		}
		if got.String() != want {
			t.Errorf("of %.20s the queue keeps %s, want %s", sent, &got, want)
		}
	}
}

func TestQueueWakesItsReader(t *testing.T) {
	q := newQueue()
	got := make(chan event)
	go func() {
		for range 100 {
			got <- q.next()
		}
	}()
	for range 100 {
		q.add(event{setEvent, syscall.SIGUSR1})
		<-got
	}
}
