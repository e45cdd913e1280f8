package repository

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

// site replaces the servers on which a release is published. Each host sees the
// release that was published for it.
type site struct {
	certificate []byte // in PEM
	once        sync.Once
	mu          sync.Mutex
	published   map[string]string // the folder of a release, by the host's address
	identity    tls.Certificate
}

var names = []string{"epicfilemcnulty.github.io", "github.com"}

func newSite() (*site, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab"}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &site{
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		published:   map[string]string{},
		identity:    tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
	}, nil
}

// publish shows the host the release in the folder from now on.
func (s *site) publish(t *testing.T, h *lab.Host, dist string) {
	t.Helper()
	s.mu.Lock()
	s.published[h.Address] = dist
	s.mu.Unlock()
	s.once.Do(func() {
		listener, err := hosts.Listen("tcp", ":443")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: s, TLSConfig: &tls.Config{Certificates: []tls.Certificate{s.identity}}}
		go server.ServeTLS(listener, "", "")
	})
}

// connect lets a host find the site and trust its certificate.
func (s *site) connect(t *testing.T, h *lab.Host) {
	t.Helper()
	s.introduce(h)
	h.Run("update-ca-certificates")
}

// introduce does all of connect except what the package ca-certificates does.
func (s *site) introduce(h *lab.Host) {
	h.Write("/usr/local/share/ca-certificates/lab.crt", string(s.certificate))
	h.Run("echo 10.77.0.1 " + strings.Join(names, " ") + " >>/etc/hosts")
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	s.mu.Lock()
	dist := s.published[address]
	s.mu.Unlock()
	if err != nil || dist == "" {
		http.NotFound(w, r)
		return
	}
	if file, ok := strings.CutPrefix(r.URL.Path, "/epicfilemcnulty/hapgent/releases/latest/download/"); ok && r.Host == "github.com" {
		http.ServeFile(w, r, path.Join(dist, path.Base(file)))
		return
	}
	if file, ok := strings.CutPrefix(r.URL.Path, "/hapgent/"); ok && r.Host == "epicfilemcnulty.github.io" {
		http.ServeFile(w, r, path.Join(dist, path.Clean("/"+file)))
		return
	}
	http.NotFound(w, r)
}
