package sshsig

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
)

const vectors = "testdata/openssh"

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(vectors, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// vector returns a signature of OpenSSH's own tests, and the digest of what it
// signed.
func vector(t testing.TB, name string) (s *Signature, digest []byte) {
	t.Helper()
	s, err := Parse(read(t, name+".sig"))
	if err != nil {
		t.Fatal(err)
	}
	if digest, err = s.Hash.Digest(bytes.NewReader(read(t, "signed-data"))); err != nil {
		t.Fatal(err)
	}
	return s, digest
}

func TestVectorsOfOpenSSHVerify(t *testing.T) {
	for name, typ := range map[string]string{
		"ed25519": "ED25519", "ecdsa": "ECDSA", "rsa": "RSA", "ed25519_sk": "ED25519-SK",
		"ecdsa_sk": "ECDSA-SK", "ecdsa_sk_webauthn": "ECDSA-SK",
	} {
		t.Run(name, func(t *testing.T) {
			s, digest := vector(t, name)
			key, _, err := pubkey.ParseLine(string(read(t, name+".pub")))
			if err != nil || !s.Key.Equal(key) || s.Key.Type() != typ {
				t.Errorf("made by %s key %s, want %s of %v, %v", s.Key.Type(), s.Key.Fingerprint(), typ, key, err)
			}
			if err := s.Verify(string(read(t, "namespace")), digest); err != nil {
				t.Error(err)
			}
			if armored := read(t, name+".sig"); !bytes.Equal(s.Armor(), armored) {
				t.Errorf("its armor is\n%swant\n%s", s.Armor(), armored)
			}
			if err := s.Verify("file", digest); !errors.Is(err, ErrNamespace) {
				t.Errorf("in another namespace: %v", err)
			}
			digest[0] ^= 1
			if err := s.Verify(string(read(t, "namespace")), digest); !errors.Is(err, pubkey.ErrSignature) {
				t.Errorf("of another file: %v", err)
			}
		})
	}
}

func TestDSAIsRefused(t *testing.T) {
	if _, err := Parse(read(t, "dsa.sig")); !errors.Is(err, pubkey.ErrType) {
		t.Errorf("Parse returned %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	good := string(read(t, "ed25519.sig"))
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"an empty file", "", ErrArmor},
		{"something in front", " " + good, ErrArmor},
		{"more on the first line", strings.Replace(good, "\n", " \n", 1), ErrArmor},
		{"no last line", strings.Replace(good, "-----END", "-----", 1), ErrArmor},
		{"letters that are not base64", strings.Replace(good, "U1NIU0lH", "U1NIU*lH", 1), ErrArmor},
		{"nothing in it", "-----BEGIN SSH SIGNATURE-----\n\n-----END SSH SIGNATURE-----\n", ErrBlob},
		{"another magic", strings.Replace(good, "U1NIU0lH", "U1NIU0lI", 1), ErrBlob},
		{"another version", strings.Replace(good, "U1NIU0lHAAAAAQ", "U1NIU0lHAAAAAg", 1), ErrBlob},
		{"another hash", armored(func(s *Signature) { s.Hash = "sha1" }), ErrHash},
		{"no namespace", armored(func(s *Signature) { s.Namespace = "" }), ErrBlob},
		{"a NUL in the namespace", armored(func(s *Signature) { s.Namespace = "fi\x00le" }), ErrBlob},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if s, err := Parse([]byte(tt.text)); !errors.Is(err, tt.want) {
				t.Errorf("Parse returned %v, %v; want %v", s, err, tt.want)
			}
		})
	}
}

// armored returns a signature that has been changed.
func armored(change func(*Signature)) string {
	s, err := Sign(newSigner(), "file", SHA512, make([]byte, 64))
	if err != nil {
		panic(err)
	}
	change(s)
	return string(s.Armor())
}

func newSigner() ssh.Signer {
	s, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		panic(err)
	}
	return s
}

// signerOf signs other data than requested.
type signerOf struct {
	ssh.Signer
	message []byte
}

func (s signerOf) Sign(random io.Reader, _ []byte) (*ssh.Signature, error) {
	return s.Signer.Sign(random, s.message)
}

// onlySigner hides that a signer supports the choice of an algorithm.
type onlySigner struct{ ssh.Signer }

func TestSignRefuses(t *testing.T) {
	digest := make([]byte, 64)
	for _, tt := range []struct {
		name      string
		signer    ssh.Signer
		namespace string
		hash      Hash
		want      error
	}{
		{"a signer that signs the empty message", signerOf{newSigner(), nil}, "file", SHA512, pubkey.ErrSignature},
		{"a signer that signs the digest alone", signerOf{newSigner(), digest}, "file", SHA512, pubkey.ErrSignature},
		{"an empty namespace", newSigner(), "", SHA512, ErrNamespace},
		{"an unknown hash", newSigner(), "file", "sha1", ErrHash},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if s, err := Sign(tt.signer, tt.namespace, tt.hash, digest); s != nil || !errors.Is(err, tt.want) {
				t.Errorf("Sign returned %v, %v; want %v", s, err, tt.want)
			}
		})
	}
}

func TestSignRSANeedsAChoiceOfAlgorithm(t *testing.T) {
	rsa, _ := vector(t, "rsa")
	s, err := Sign(onlySigner{publicOnly{newSigner(), rsa.Key.Plain()}}, "file", SHA512, make([]byte, 64))
	if s != nil || err == nil || !strings.Contains(err.Error(), "rsa-sha2-512") {
		t.Errorf("Sign returned %v, %v", s, err)
	}
}

// publicOnly has a public key of its own.
type publicOnly struct {
	ssh.Signer
	key ssh.PublicKey
}

func (p publicOnly) PublicKey() ssh.PublicKey { return p.key }

func TestDigestReturnsTheErrorOfReading(t *testing.T) {
	want := errors.New("input/output error")
	if _, err := SHA256.Digest(io.MultiReader(strings.NewReader("a"), errReader{want})); !errors.Is(err, want) {
		t.Errorf("Digest returned %v", err)
	}
}

type errReader struct{ error }

func (r errReader) Read([]byte) (int, error) { return 0, r.error }

func addVectors(f *testing.F, add func(armored []byte)) {
	files, err := filepath.Glob(filepath.Join(vectors, "*.sig"))
	if err != nil || len(files) == 0 {
		f.Fatal("no vectors: ", err)
	}
	for _, file := range files {
		add(read(f, filepath.Base(file)))
	}
}

// FuzzArmor checks that each accepted signature is read the same from its own armor.
func FuzzArmor(f *testing.F) {
	addVectors(f, func(armored []byte) { f.Add(armored) })
	f.Fuzz(func(t *testing.T, armored []byte) {
		blob, err := dearmor(armored)
		if err != nil {
			return
		}
		s, err := parseBlob(blob)
		if err != nil {
			return
		}
		again, err := Parse(s.Armor())
		if err != nil || !bytes.Equal(again.blob(), s.blob()) {
			t.Errorf("its own armor reads as %v, %v", again, err)
		}
	})
}

// FuzzBlob checks that an accepted blob is written as it was read, and never verifies
// data that nobody signed.
func FuzzBlob(f *testing.F) {
	addVectors(f, func(armored []byte) {
		blob, err := dearmor(armored)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(blob)
	})
	digest := make([]byte, 64)
	rand.Read(digest)
	f.Fuzz(func(t *testing.T, blob []byte) {
		s, err := parseBlob(blob)
		if err != nil {
			return
		}
		if s.Verify(s.Namespace, digest) == nil {
			t.Error("a signature of a random digest")
		}
		written := s.blob()
		if version := binary.BigEndian.Uint32(blob[len(magic):]); version == 1 && !bytes.Equal(written, blob) &&
			len(written) == len(blob) {
			t.Errorf("%x is written as %x", blob, written)
		}
	})
}
