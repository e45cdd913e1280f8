//go:build linux

package systemd

import (
	"errors"
	"strconv"
	"syscall"
)

const (
	// maxListeners is the most sockets that are taken from systemd.
	maxListeners   = 16
	firstInherited = 3 // SD_LISTEN_FDS_START of sd_listen_fds(3)
)

// Inherited are the descriptors of the sockets that systemd passes,
// sd_listen_fds(3); none, if they are not meant for this process.
func Inherited(getenv func(string) (string, bool)) ([]int, error) {
	pid, _ := getenv("LISTEN_PID")
	count, _ := getenv("LISTEN_FDS")
	if count == "" || pid != strconv.Itoa(syscall.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > maxListeners {
		return nil, errors.New("LISTEN_FDS must be a number from 1 to " + strconv.Itoa(maxListeners) + ", found " + strconv.Quote(count))
	}
	all := make([]int, n)
	for i := range all {
		all[i] = firstInherited + i
	}
	return all, nil
}
