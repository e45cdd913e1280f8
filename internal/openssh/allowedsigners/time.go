package allowedsigners

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrTime is wrapped by the error of a time that cannot be read.
var ErrTime = errors.New("expected YYYYMMDD[HHMM[SS]] and Z at its end for UTC")

// clockFields are the parts of a time in order, and the range of each. A day
// that the month does not have is one of the next month, as with mktime(3).
var clockFields = []struct{ width, min, max int }{
	{4, 0, 9999}, {2, 1, 12}, {2, 1, 31}, {2, 0, 23}, {2, 0, 59}, {2, 0, 61},
}

// ParseTime reads a time as the options valid-after, valid-before and
// verify-time have it. Without Z (or UTC) at its end it is local time, which
// OpenSSH before 10.6 takes for standard time in summer too.
func ParseTime(text string) (time.Time, error) {
	digits, zone := cutZone(text)
	switch len(digits) {
	case len("YYYYMMDD"), len("YYYYMMDDHHMM"), len("YYYYMMDDHHMMSS"):
	default:
		return time.Time{}, fmt.Errorf("%w: found %.30q", ErrTime, text)
	}
	var clock [6]int
	for i := 0; digits != ""; i++ {
		field := clockFields[i]
		n, err := strconv.ParseUint(strings.TrimLeft(digits[:field.width], " "), 10, 16)
		if value := int(n); err != nil || value < field.min || value > field.max {
			return time.Time{}, fmt.Errorf("%w: found %q", ErrTime, text)
		}
		clock[i], digits = int(n), digits[field.width:]
	}
	at := time.Date(clock[0], time.Month(clock[1]), clock[2], clock[3], clock[4], clock[5], 0, zone)
	if at.Unix() <= 0 {
		return time.Time{}, fmt.Errorf("%w, after 1970: found %q", ErrTime, text)
	}
	return at, nil
}

func cutZone(text string) (digits string, zone *time.Location) {
	for _, suffix := range []string{"Z", "UTC"} {
		if i := len(text) - len(suffix); i > 0 && strings.EqualFold(text[i:], suffix) {
			return text[:i], time.UTC
		}
	}
	return text, time.Local
}
