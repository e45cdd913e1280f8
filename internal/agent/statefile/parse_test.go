package statefile

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

var busy = State{Status: Up, Weight: number(77), Maxconn: number(300)}

func number(n uint16) Number { return Number{Value: n, Set: true} }

func TestParse(t *testing.T) {
	for text, want := range map[string]State{
		`{"status":"UP"}`:                                       {Status: Up},
		`{"status":"READY","weight":100}`:                       {Status: Ready, Weight: number(100)},
		`{"status":"DOWN","maxconn":10}`:                        {Status: Down, Maxconn: number(10)},
		`{"status":"UP","maxconn":300,"weight":77}`:             {Status: Up, Weight: number(77), Maxconn: number(300)},
		`{"weight":0,"maxconn":0,"status":"MAINT"}`:             {Status: Maint, Weight: number(0), Maxconn: number(0)},
		`{"weight":255,"maxconn":65535,"status":"STOPPED"}`:     {Status: Stopped, Weight: number(255), Maxconn: number(65535)},
		`{"weight":null,"maxconn":null,"status":"FAIL"}`:        {Status: Fail},
		"\t{ \"status\" :\r\n \"DRAIN\" ,\n\"weight\" : -0 }\n": {Status: Drain, Weight: number(0)},
		`{"st\u0061tus":"\u0055P"}`:                             {Status: Up},
	} {
		got, message := parse([]byte(text), nil)
		if message != nil || got != want {
			t.Errorf("parse(%q) = %v, %s, want %v", text, got, message, want)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	const statuses = "UP, DOWN, READY, DRAIN, FAIL, MAINT or STOPPED"
	for text, want := range map[string]string{
		``:                                 `1:1: expected "{", found the end of the file`,
		"\xef\xbb\xbf{}":                   `1:1: expected "{", found "\xef"`,
		`[]`:                               `1:1: expected "{", found "["`,
		`{}`:                               `1:1: status is missing, expected ` + statuses,
		`{"weight":1}`:                     `1:1: status is missing, expected ` + statuses,
		`{"status":null}`:                  `1:11: status must be ` + statuses + `, found null`,
		`{"status":"up"}`:                  `1:11: status must be ` + statuses + `, found "up"`,
		`{"status":"failed"}`:              `1:11: status must be ` + statuses + `, found "failed"`,
		`{"status":true}`:                  `1:11: status must be ` + statuses + `, found true`,
		`{"status":["UP"]}`:                `1:11: status must be ` + statuses + `, found an array`,
		`{"weight": "77"}`:                 `1:12: weight must be an integer from 0 to 255, found "77"`,
		`{"weight":256}`:                   `1:11: weight must be an integer from 0 to 255, found 256`,
		`{"weight":-1}`:                    `1:11: weight must be an integer from 0 to 255, found -1`,
		`{"weight":77.0}`:                  `1:11: weight must be an integer from 0 to 255, found 77.0`,
		`{"weight":1e2}`:                   `1:11: weight must be an integer from 0 to 255, found 1e2`,
		`{"weight":{}}`:                    `1:11: weight must be an integer from 0 to 255, found an object`,
		`{"maxconn":65536}`:                `1:12: maxconn must be an integer from 0 to 65535, found 65536`,
		`{"maxconn":18446744073709551617}`: `1:12: maxconn must be an integer from 0 to 65535, found 18446744073709551617`,
		`{"weight":07}`:                    `1:11: weight must be an integer from 0 to 255, found 07`,
		`{"weight":+7}`:                    `1:11: weight must be an integer from 0 to 255, found +7`,
		`{"weight":}`:                      `1:11: expected a value, found "}"`,
		`{"weight":1.}`:                    `1:11: weight must be an integer from 0 to 255, found 1.`,
		`{"Status":"UP"}`:                  `1:2: unknown key "Status", expected status, weight or maxconn`,
		`{"state":"UP"}`:                   `1:2: unknown key "state", expected status, weight or maxconn`,
		`{status:"UP"}`:                    `1:2: expected a key: status, weight or maxconn, found "s"`,
		"{\n \"status\":\"UP\",\n \"status\":\"DOWN\"}": `3:2: key "status" is a duplicate`,
		`{"status":"UP",}`:                      `1:16: expected a key: status, weight or maxconn, found "}"`,
		`{"status" "UP"}`:                       `1:11: expected ":", found "\""`,
		`{"status":"UP"`:                        `1:15: expected "," or "}", found the end of the file`,
		`{"status":"UP`:                         `1:14: expected the string's closing ", found the end of the file`,
		"{\"status\":\"U\nP\"}":                 `1:13: expected a string without control characters, found "\n"`,
		`{"status":"\x"}`:                       `1:13: expected one of "\/bfnrtu after \, found "x"`,
		`{"status":"\u00g0"}`:                   `1:16: expected four hexadecimal digits after \u, found "g"`,
		`{"status":"UP"} {}`:                    `1:17: expected the end of the file, found "{"`,
		"{\"status\":\"UP\"}\x00":               `1:16: expected the end of the file, found "\x00"`,
		`{"` + strings.Repeat("k", 60) + `":1}`: `1:2: unknown key "` + strings.Repeat("k", 29) + `...", expected status, weight or maxconn`,
	} {
		got, message := parse([]byte(text), nil)
		if string(message) != want || got != (State{}) {
			t.Errorf("parse(%q) = %v, %s, want %s", text, got, message, want)
		}
	}
}

// oracle reads a state by encoding/json, and refuses unknown fields. It adds the one
// check that encoding/json lacks: a key occurs once, and in lower case.
func oracle(data []byte) (State, bool) {
	var v struct {
		Status  *string `json:"status"`
		Weight  *int64  `json:"weight"`
		Maxconn *int64  `json:"maxconn"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if !json.Valid(data) || d.Decode(&v) != nil || v.Status == nil || !keysStandOnce(data) {
		return State{}, false
	}
	s := State{Status: Status(*v.Status)}
	var weight, maxconn bool
	s.Weight, weight = inRange(v.Weight, MaxWeight)
	s.Maxconn, maxconn = inRange(v.Maxconn, MaxMaxconn)
	if !slices.Contains(Statuses[:], s.Status) || !weight || !maxconn {
		return State{}, false
	}
	return s, true
}

func inRange(n *int64, limit int64) (Number, bool) {
	if n == nil {
		return Number{}, true
	}
	return number(uint16(*n)), 0 <= *n && *n <= limit
}

func keysStandOnce(data []byte) bool {
	seen := map[any]bool{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.Token()
	for d.More() {
		key, _ := d.Token()
		if seen[key] || key != "status" && key != "weight" && key != "maxconn" {
			return false
		}
		seen[key] = true
		d.Token()
	}
	return true
}

// FuzzState compares parse with encoding/json: both accept the same texts, with the
// same values.
func FuzzState(f *testing.F) {
	for _, s := range []string{
		`{"status":"UP"}`, `{"status":"UP","maxconn":300,"weight":77}`, `{"status":"UP","weight":null}`, `{"status":null}`,
		`{"weight":1.0,"status":"UP"}`, `{"weight":1e1,"status":"UP"}`, `{"weight":-0,"status":"UP"}`, `{"Status":"UP"}`,
		`{"status":"UP","status":"DOWN"}`, `{"\u0073tatus":"\u0055\u0050"}`, `{"status":"\ud83d\ude00"}`, `{"status":"UP"}{}`,
		"\ufeff{\"status\":\"UP\"}", `{"status":"UP","x":{"y":[1,2]}}`, `{"weight":65536,"status":"UP"}`, `null`, `[]`, `{`, ``,
		"{\"\u017ftatus\":\"UP\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		want, ok := oracle(data)
		got, message := parse(bytes.Clone(data), nil)
		if ok != (message == nil) || got != want {
			t.Errorf("parse(%q) = %v, %s; encoding/json: %v, %t", data, got, message, want, ok)
		}
		if message == nil {
			again, message := parse(got.appendJSON(nil), nil)
			if message != nil || again != got {
				t.Errorf("%v is written as %q and read as %v, %s", got, got.appendJSON(nil), again, message)
			}
		}
	})
}

func TestAnswerFitsItsMemory(t *testing.T) {
	for _, status := range Statuses {
		s := State{Status: status, Weight: number(MaxWeight), Maxconn: number(MaxMaxconn)}
		if n := len(s.String()); n > MaxAnswer {
			t.Errorf("%v is %d bytes, more than %d", s, n, MaxAnswer)
		}
	}
	if got := (State{Status: Up}).String(); strings.TrimSpace(got) != got {
		t.Errorf("%q has white space at an end", got)
	}
}
