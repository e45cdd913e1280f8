package pubkey

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/wire"
)

func newSigner(t testing.TB, name byte) ssh.Signer {
	t.Helper()
	s, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{name}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func text(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// certify lets b certify a; change may alter the certificate. It signs by itself,
// since Certificate.SignCert refuses what this package must refuse.
func certify(t testing.TB, change func(*ssh.Certificate)) *ssh.Certificate {
	t.Helper()
	c := &ssh.Certificate{Key: newSigner(t, 'a').PublicKey(), CertType: ssh.UserCert, Serial: 3, KeyId: "id",
		ValidPrincipals: []string{"me", "you"}, ValidAfter: 1000, ValidBefore: 2000}
	change(c)
	authority := newSigner(t, 'b')
	c.Nonce, c.SignatureKey = []byte("nonce"), authority.PublicKey()
	unsigned := c.Marshal()
	signature, err := authority.Sign(rand.Reader, unsigned[:len(unsigned)-4]) // all but the empty signature's length
	if err != nil {
		t.Fatal(err)
	}
	c.Signature = signature
	return c
}

func TestParseLine(t *testing.T) {
	key := newSigner(t, 'a').PublicKey()
	for _, line := range []string{text(key), text(key) + " a comment", text(key) + "\t a comment", text(key) + "\r\n"} {
		got, comment, err := ParseLine(line)
		if err != nil || !bytes.Equal(got.Marshal(), key.Marshal()) || strings.Contains(line, "comment") != (comment == "a comment") {
			t.Errorf("ParseLine(%q) = %v, %q, %v", line, got, comment, err)
		}
	}
	encoded := strings.Fields(text(key))[1]
	for _, line := range []string{"", "ssh-ed25519", "ssh-ed25519 ", encoded, "ssh-rsa " + encoded, "ssh-ed25519 " + encoded[1:],
		"ssh-ed25519 AAAA", "ssh-ed25519-cert-v01@openssh.com " + encoded, "ssh-ed25519 \x00"} {
		if got, _, err := ParseLine(line); !errors.Is(err, ErrKey) {
			t.Errorf("ParseLine(%q) = %v, %v; want an error", line, got, err)
		}
	}
}

func TestCertificate(t *testing.T) {
	c := certify(t, func(*ssh.Certificate) {})
	key, _, err := ParseLine(text(c))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Parse(c.Key.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if key.Type() != "ED25519-CERT" || plain.Type() != "ED25519" || key.Fingerprint() != plain.Fingerprint() {
		t.Errorf("type %s, fingerprint %s; its key's %s, %s", key.Type(), key.Fingerprint(), plain.Type(), plain.Fingerprint())
	}
	if !key.EqualPlain(plain) || key.Equal(plain) || plain.Equal(key) || !key.Equal(key) {
		t.Error("a certificate is not a key, and its key is the key")
	}
	if got := key.Certificate; got.Serial != 3 || got.KeyID != "id" || len(got.Principals) != 2 ||
		!bytes.Equal(got.Authority.Marshal(), c.SignatureKey.Marshal()) {
		t.Errorf("read as %+v", got)
	}
}

func TestCertificateInDate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		at     int64
		change func(*ssh.Certificate)
		want   string
	}{
		{"at its first second", 1000, func(*ssh.Certificate) {}, ""},
		{"a second before", 999, func(*ssh.Certificate) {}, "valid only from 1970-01-01 00:16:40 UTC"},
		{"in its last second", 1999, func(*ssh.Certificate) {}, ""},
		{"at its end", 2000, func(*ssh.Certificate) {}, "expired on 1970-01-01 00:33:20 UTC"},
		{"for ever", 1 << 40, func(c *ssh.Certificate) { c.ValidBefore = ssh.CertTimeInfinity }, ""},
		{"of no calendar", 1500, func(c *ssh.Certificate) { c.ValidAfter = 1 << 62 }, "valid only from second 4611686018427387904"},
		{"of a host", 1500, func(c *ssh.Certificate) { c.CertType = ssh.HostCert }, "a host certificate"},
		{"of nobody", 1500, func(c *ssh.Certificate) { c.ValidPrincipals = nil }, "no principal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := Parse(certify(t, tt.change).Marshal())
			if err != nil {
				t.Fatal(err)
			}
			err = key.Certificate.InDate(time.Unix(tt.at, 0))
			if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, ErrCertificate) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("InDate returned %v, want %q", err, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	c := certify(t, func(*ssh.Certificate) {})
	forged := bytes.Replace(c.Marshal(), []byte("\x00\x00\x00\x02me"), []byte("\x00\x00\x00\x02mo"), 1)
	if bytes.Equal(forged, c.Marshal()) {
		t.Fatal("nothing was forged")
	}
	nested := certify(t, func(*ssh.Certificate) {})
	nested.SignatureKey = c
	for name, blob := range map[string][]byte{
		"a forged certificate":         forged,
		"one certified by a certified": nested.Marshal(),
		"a certificate of kind 3":      certify(t, func(c *ssh.Certificate) { c.CertType = 3 }).Marshal(),
		"257 principals":               certify(t, func(c *ssh.Certificate) { c.ValidPrincipals = make([]string, 257) }).Marshal(),
		"nothing":                      nil,
		"something after the key":      append(c.Key.Marshal(), 0),
	} {
		if key, err := Parse(blob); !errors.Is(err, ErrKey) {
			t.Errorf("%s: Parse returned %v, %v", name, key, err)
		}
	}
}

// A newer OpenSSH may know a type that is unknown here; that is not the same as an
// invalid key.
func TestUnknownTypesAreToldFromBadKeys(t *testing.T) {
	unknown := wire.AppendBytes(wire.AppendBytes(nil, "ssh-future"), "key")
	bad := wire.AppendBytes(wire.AppendBytes(nil, ssh.KeyAlgoED25519), "key")
	if _, err := Parse(unknown); !errors.Is(err, ErrType) || !strings.Contains(err.Error(), `does not know: "ssh-future"`) {
		t.Errorf("Parse returned %v", err)
	}
	for _, line := range []string{"ssh-future AAAA", "ED25519 AAAA", ssh.KeyAlgoMLDSA44 + " AAAA"} {
		if _, _, err := ParseLine(line); !errors.Is(err, ErrType) {
			t.Errorf("ParseLine(%q) returned %v", line, err)
		}
	}
	if _, err := Parse(bad); errors.Is(err, ErrType) || !errors.Is(err, ErrKey) {
		t.Errorf("Parse returned %v", err)
	}
}

func TestShortRSAKeysAreToldFromOthers(t *testing.T) {
	blob := wire.AppendBytes(wire.AppendBytes(wire.AppendBytes(nil, ssh.KeyAlgoRSA), "\x03"), bytes.Repeat([]byte{0x7f}, 127))
	if _, err := Parse(blob); !errors.Is(err, ErrKeyLength) || !errors.Is(err, ErrKey) {
		t.Errorf("Parse returned %v", err)
	}
}

func TestVerifyNamesTheAlgorithm(t *testing.T) {
	key, err := Parse(newSigner(t, 'a').PublicKey().Marshal())
	if err != nil {
		t.Fatal(err)
	}
	sig := ssh.Marshal(&ssh.Signature{Format: ssh.KeyAlgoRSA, Blob: make([]byte, 64)})
	if err := key.Verify(nil, sig); !errors.Is(err, ErrAlgorithm) || !strings.Contains(err.Error(), `"ssh-rsa" for a key of type ED25519`) {
		t.Errorf("Verify returned %v", err)
	}
	for n := range sig {
		if err := key.Verify(nil, sig[:n]); !errors.Is(err, ErrSignature) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

// FuzzParse checks that each accepted key has one plain key, which is accepted, too.
func FuzzParse(f *testing.F) {
	f.Add(newSigner(f, 'a').PublicKey().Marshal())
	f.Add(certify(f, func(*ssh.Certificate) {}).Marshal())
	f.Add(wire.AppendBytes(nil, ssh.KeyAlgoSKECDSA256))
	f.Fuzz(func(t *testing.T, blob []byte) {
		key, err := Parse(blob)
		if err != nil {
			return
		}
		plain, err := Parse(key.Plain().Marshal())
		if err != nil || !plain.EqualPlain(key) || plain.Certificate != nil {
			t.Errorf("its plain key is %v, %v", plain, err)
		}
		if err := key.Verify([]byte("nothing that was signed"), blob); err == nil {
			t.Error("the key is taken for a signature")
		}
	})
}
