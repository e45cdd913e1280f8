//go:build linux

package agent

import (
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
	"github.com/epicfilemcnulty/hapgent/internal/agent/statefile"
)

// TestQueueKeepsWhatMatters gives the queue signals that come while the keeper is
// busy: 1 and 2 for SIGUSR1 and SIGUSR2, H for SIGHUP, T for SIGTERM, S for a
// message about descriptors.
func TestQueueKeepsWhatMatters(t *testing.T) {
	letters := map[rune]event{'1': usr1, '2': usr2, 'H': hup, 'T': term, 'S': {kind: starvedEvent}}
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
		q := newQueue((&given{}).answer)
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
	q := newQueue((&given{}).answer)
	got := make(chan event)
	go func() {
		for range 100 {
			got <- q.next()
		}
	}()
	for range 100 {
		q.add(usr1)
		<-got
	}
}

// A status is answered a second after it came, whatever the keeper does: the queue
// does not wait until the keeper takes it.
func TestQueueHasAStatusAnsweredThoughTheKeeperHangs(t *testing.T) {
	answer := &given{}
	q := newQueue(answer.answer)
	file := statefile.State{Status: statefile.Ready, Weight: statefile.Number{Value: 7, Set: true}}
	q.publish(file)
	if want := (given{"READY 7%", "READY 7%", 0}); *answer != want {
		t.Fatalf("published: %v, want %v", *answer, want)
	}
	q.add(hup)
	q.next() // and hangs
	before := kernel.Nanotime()
	q.add(usr2)
	if answer.now != "READY 7%" || answer.later != "DOWN 7%" || answer.at < before+saveTime || answer.at > kernel.Nanotime()+saveTime {
		t.Errorf("then SIGUSR2: %v, want DOWN 7%% in a second", *answer)
	}
	q.publish(file) // the reload is done after all, SIGUSR2 still waits
	if answer.now != "READY 7%" || answer.later != "DOWN 7%" || answer.at < before+saveTime {
		t.Errorf("then the reload: %v, want DOWN 7%% later", *answer)
	}
	q.dueAt = before // DOWN shows
	q.publish(file)
	if want := (given{"READY 7%", "DOWN 7%", before}); *answer != want {
		t.Errorf("then a reload while DOWN shows: %v, want %v", *answer, want)
	}
	q.add(usr1)
	if want := (given{"READY 7%", "UP 7%", before}); *answer != want {
		t.Errorf("then SIGUSR1 on a disk that hangs still: %v, want UP 7%% at once", *answer)
	}
	q.next() // SIGUSR1 is saved
	file.Status = statefile.Up
	q.publish(file)
	if want := (given{"UP 7%", "UP 7%", 0}); *answer != want {
		t.Errorf("then its save: %v, want %v", *answer, want)
	}
}

// A status that is sent again and again is not answered later because of that.
func TestQueueHasAStatusAnsweredThoughItIsSentAgain(t *testing.T) {
	answer := &given{}
	q := newQueue(answer.answer)
	q.publish(statefile.State{Status: statefile.Up})
	q.add(usr2)
	q.next() // and hangs
	due := answer.at
	for range 3 {
		q.add(usr2)
	}
	if want := (given{"UP", "DOWN", due}); *answer != want {
		t.Errorf("sent again: %v, want %v", *answer, want)
	}
}

// An older status that is saved at last does not replace a newer answer.
func TestQueueKeepsTheNewestStatus(t *testing.T) {
	answer := &given{}
	q := newQueue(answer.answer)
	q.publish(statefile.State{Status: statefile.Up})
	q.add(usr1)
	q.next() // and hangs
	q.add(usr2)
	q.publish(statefile.State{Status: statefile.Up})
	if answer.now != "UP" || answer.later != "DOWN" || answer.at == 0 {
		t.Errorf("%v, want DOWN later", *answer)
	}
}
