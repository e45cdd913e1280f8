package haproxy

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// startService starts a service within the test, and returns its address.
func startService(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func serveIfAsked() {}
