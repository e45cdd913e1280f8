package composite

import (
	"bytes"
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/rand"
	"errors"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/wire"
)

func newKey(t testing.TB, name string, seed byte) *PrivateKey {
	t.Helper()
	key, err := NewPrivateKey(name, bytes.Repeat([]byte{seed}, mldsa.PrivateKeySize+ed25519.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, key *PrivateKey, data string) *ssh.Signature {
	t.Helper()
	signature, err := key.SignWithAlgorithm(rand.Reader, []byte(data), key.PublicKey().Type())
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func TestAKeyVerifiesWhatItSigned(t *testing.T) {
	for _, name := range []string{Name, FirstName} {
		key := newKey(t, name, 1)
		public, err := ParsePublicKey(key.PublicKey().Marshal())
		if err != nil || public.Type() != name || !bytes.Equal(public.Marshal(), key.PublicKey().Marshal()) {
			t.Fatalf("%s is read as %v, %v", name, public, err)
		}
		if err := public.Verify([]byte("data"), sign(t, key, "data")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBothHalvesMustBeOfTheKeyAndOverTheData(t *testing.T) {
	key, other := newKey(t, Name, 1), newKey(t, Name, 2)
	half := mldsa.MLDSA44().SignatureSize()
	made, foreign := sign(t, key, "data").Blob, sign(t, other, "data").Blob
	elsewhere := sign(t, key, "other data").Blob
	for name, signature := range map[string]ssh.Signature{
		"the first half of another key":   {Format: Name, Blob: append(bytes.Clone(foreign[:half]), made[half:]...)},
		"the second half of another key":  {Format: Name, Blob: append(bytes.Clone(made[:half]), foreign[half:]...)},
		"the first half over other data":  {Format: Name, Blob: append(bytes.Clone(elsewhere[:half]), made[half:]...)},
		"the second half over other data": {Format: Name, Blob: append(bytes.Clone(made[:half]), elsewhere[half:]...)},
		"the second half over the data as it is": {Format: Name,
			Blob: append(bytes.Clone(made[:half]), ed25519.Sign(key.second, []byte("data"))...)},
		"the first half without the label": {Format: Name, Blob: append(withoutLabel(t, key), made[half:]...)},
		"the first half alone":             {Format: Name, Blob: made[:half]},
		"the second half alone":            {Format: Name, Blob: made[half:]},
		"nothing":                          {Format: Name},
		"a byte more":                      {Format: Name, Blob: append(bytes.Clone(made), 0)},
		"something behind it":              {Format: Name, Blob: made, Rest: []byte{1, 0, 0, 0, 0}},
		"the name of another type":         {Format: ssh.KeyAlgoED25519, Blob: made},
		"the first name of the type":       {Format: FirstName, Blob: made},
	} {
		if err := key.PublicKey().Verify([]byte("data"), &signature); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
}

func withoutLabel(t *testing.T, key *PrivateKey) []byte {
	t.Helper()
	signature, err := key.first.Sign(nil, message([]byte("data")), nil)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func TestParseRefuses(t *testing.T) {
	good := newKey(t, Name, 1).PublicKey().Marshal()
	encoded := good[4+len(Name)+4:]
	for name, blob := range map[string][]byte{
		"nothing":                  nil,
		"a name alone":             wire.AppendBytes(nil, Name),
		"another type":             wire.AppendBytes(wire.AppendBytes(nil, ssh.KeyAlgoMLDSA44), encoded),
		"a byte less":              wire.AppendBytes(wire.AppendBytes(nil, Name), encoded[1:]),
		"a byte more":              wire.AppendBytes(wire.AppendBytes(nil, Name), append(bytes.Clone(encoded), 0)),
		"something behind the key": append(bytes.Clone(good), 0),
	} {
		if key, err := ParsePublicKey(blob); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
	for _, seeds := range [][]byte{nil, make([]byte, 63), make([]byte, 65)} {
		if _, err := NewPrivateKey(Name, seeds); !errors.Is(err, ErrKey) {
			t.Errorf("%d bytes of seeds: %v", len(seeds), err)
		}
	}
	if _, err := NewPrivateKey("ssh-rsa", make([]byte, 64)); !errors.Is(err, ErrKey) {
		t.Errorf("another type: %v", err)
	}
	if _, err := newKey(t, Name, 1).SignWithAlgorithm(nil, nil, FirstName); err == nil {
		t.Error("it signs by the name of another key")
	}
}

// FuzzPublicKey checks that an accepted key keeps its encoding, and verifies nothing
// that it did not sign.
func FuzzPublicKey(f *testing.F) {
	key := newKey(f, Name, 1)
	f.Add(key.PublicKey().Marshal(), sign(f, key, "data").Blob)
	f.Add(newKey(f, FirstName, 2).PublicKey().Marshal(), []byte("x"))
	f.Fuzz(func(t *testing.T, blob, signature []byte) {
		key, err := ParsePublicKey(blob)
		if err != nil {
			return
		}
		again, err := ParsePublicKey(key.Marshal())
		if err != nil || !bytes.Equal(again.Marshal(), key.Marshal()) {
			t.Errorf("read again as %v, %v", again, err)
		}
		if key.Verify([]byte("what nobody signed"), &ssh.Signature{Format: key.Type(), Blob: signature}) == nil {
			t.Error("verified")
		}
	})
}
