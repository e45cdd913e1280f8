//go:build !linux

package agent

// The server is built on epoll and signalfd, which are Linux's own.
var _ = hapgent_is_for_Linux_only
