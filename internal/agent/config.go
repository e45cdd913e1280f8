package agent

import (
	"errors"
	"strconv"

	"github.com/epicfilemcnulty/hapgent/internal/agent/server"
	"github.com/epicfilemcnulty/hapgent/internal/agent/statefile"
)

// The environment variables, and their values if they are unset or empty.
const (
	IPVariable        = "HAPGENT_IP"
	PortVariable      = "HAPGENT_PORT"
	StateFileVariable = "HAPGENT_STATE_FILE"
	// UnitVariable is set by the packages' units to their name, for messages only.
	UnitVariable = "HAPGENT_UNIT"

	DefaultIP        = "0.0.0.0"
	DefaultPort      = "9777"
	DefaultStateFile = "/etc/hapgent/state.json"
)

// maxStateFile leaves room for what is added to a name, in bytes.
const maxStateFile = 4000

// Config is what the environment says.
type Config struct {
	Address   server.Address
	StateFile string
}

// Getenv looks up an environment variable, as syscall.Getenv does.
type Getenv func(name string) (value string, set bool)

func (getenv Getenv) or(name, otherwise string) string {
	if v, _ := getenv(name); v != "" {
		return v
	}
	return otherwise
}

// ReadConfig reads the environment. An error names the variable, its value and the
// permitted values.
func ReadConfig(getenv Getenv) (Config, error) {
	ip, port := getenv.or(IPVariable, DefaultIP), getenv.or(PortVariable, DefaultPort)
	c := Config{StateFile: getenv.or(StateFileVariable, DefaultStateFile)}
	var ok bool
	if c.Address, ok = server.ParseIP(ip); !ok {
		return c, badValue(IPVariable, ip, "an IPv4 or IPv6 address such as 0.0.0.0, 127.0.0.1, :: or ::1")
	}
	if len(c.StateFile) > maxStateFile {
		return c, badValue(StateFileVariable, c.StateFile, "a path of at most "+strconv.Itoa(maxStateFile)+" bytes")
	}
	if c.Address.Port, ok = parsePort(port); !ok {
		return c, badValue(PortVariable, port, "a port from 1 to 65535")
	}
	return c, nil
}

// meets reports whether one of the listeners has the address of the environment, as
// far as that is set.
func (c Config) meets(listeners []server.Listener, getenv Getenv) bool {
	anyIP, anyPort := getenv.or(IPVariable, "") == "", getenv.or(PortVariable, "") == ""
	for _, l := range listeners {
		if (anyIP || l.Address.IP == c.Address.IP) && (anyPort || l.Address.Port == c.Address.Port) {
			return true
		}
	}
	return false
}

// howToMakeIt is the hint for a state file that is missing, as on a new host: what
// to do next, as a command that can be copied if it is known.
func howToMakeIt(getenv Getenv) string {
	command := "SIGUSR1"
	if unit := getenv.or(UnitVariable, ""); unit != "" {
		command = "`systemctl kill -s USR1 " + statefile.Printable(unit) + "`"
	}
	return "; " + command + " answers UP and creates it"
}

func badValue(name, value, expected string) error {
	return errors.New(name + " must be " + expected + ", found " + strconv.Quote(value))
}

// parsePort accepts decimal digits only: a sign or leading zeros, which strconv also
// accepts, are more likely a mistake than a port.
func parsePort(s string) (uint16, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && s[0] != '0'
}
