// Package statefile is a state and the file that holds it. It guarantees that what
// is read is exactly a state or an error that says where it is not, whatever
// stands at the path; and that the file is the old state or the new one, whole,
// whenever saving is cut short. It knows no socket and no signal.
package statefile

import "strconv"

// Status is the word that the answer begins with. HAProxy's manual, section
// "agent-check", says what each does to a server.
type Status string

// The seven words that a state file may hold.
const (
	Up      Status = "UP"
	Down    Status = "DOWN"
	Ready   Status = "READY"
	Drain   Status = "DRAIN"
	Fail    Status = "FAIL"
	Maint   Status = "MAINT"
	Stopped Status = "STOPPED"
)

// Statuses are all of them, in the order in which messages list them.
var Statuses = [...]Status{Up, Down, Ready, Drain, Fail, Maint, Stopped}

// The largest values of the two numbers; the smallest is 0.
const (
	MaxWeight  = 255
	MaxMaxconn = 65535
)

// Number is a number that may be unset: HAProxy does not change what an answer
// leaves out.
type Number struct {
	Value uint16
	Set   bool
}

// State is what the agent answers and what its file holds.
type State struct {
	Status  Status
	Weight  Number // percent of the weight in HAProxy's configuration, 0 to MaxWeight
	Maxconn Number // connections at once from one HAProxy, 0 to MaxMaxconn; HAProxy takes 0 as no limit
}

// Unknown is the state of an agent that could not read its file: HAProxy sends no
// traffic to a server of which nothing is known.
var Unknown = State{Status: Fail}

// String is the answer without its newline: "UP 77% maxconn:300".
func (s State) String() string { return string(s.Append(nil)) }

// MaxAnswer is the length of the longest answer, in bytes, without its newline.
const MaxAnswer = len("STOPPED 255% maxconn:65535")

// Append appends the answer without its newline.
func (s State) Append(b []byte) []byte {
	b = append(b, s.Status...)
	if s.Weight.Set {
		b = append(s.Weight.append(append(b, ' ')), '%')
	}
	if s.Maxconn.Set {
		b = s.Maxconn.append(append(b, " maxconn:"...))
	}
	return b
}

// appendJSON appends the state as its file holds it, with a newline at the end.
func (s State) appendJSON(b []byte) []byte {
	b = append(append(append(b, `{"status":"`...), s.Status...), '"')
	if s.Weight.Set {
		b = s.Weight.append(append(b, `,"weight":`...))
	}
	if s.Maxconn.Set {
		b = s.Maxconn.append(append(b, `,"maxconn":`...))
	}
	return append(b, "}\n"...)
}

func (n Number) append(b []byte) []byte { return strconv.AppendUint(b, uint64(n.Value), 10) }
