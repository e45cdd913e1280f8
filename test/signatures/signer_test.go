package signatures

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/mldsa"
	"crypto/rand"
	_ "crypto/sha1" // what an attacker would downgrade to
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// signer is a key of any type, and how it signs.
type signer struct {
	name string
	key  []byte
	sign func(data []byte) []byte
}

// mpint is a positive integer in the form that SSH wants.
func mpint(n *big.Int) []byte {
	data := n.Bytes()
	if len(data) > 0 && data[0]&0x80 != 0 {
		data = append([]byte{0}, data...)
	}
	return str(data)
}

func newEd25519(t testing.TB) signer {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{"ed25519", cat(str("ssh-ed25519"), str(public)), func(data []byte) []byte {
		return cat(str("ssh-ed25519"), str(ed25519.Sign(private, data)))
	}}
}

func newECDSA(t testing.TB, curve elliptic.Curve, id string, hash crypto.Hash) signer {
	name := "ecdsa-sha2-" + id
	private := generateECDSA(t, curve)
	return signer{id, cat(str(name), str(id), str(point(private))), func(data []byte) []byte {
		return cat(str(name), str(signECDSA(t, private, hash, data)))
	}}
}

func generateECDSA(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func point(private *ecdsa.PrivateKey) []byte {
	public, err := private.PublicKey.ECDH()
	if err != nil {
		panic(err)
	}
	return public.Bytes()
}

func signECDSA(t testing.TB, private *ecdsa.PrivateKey, hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	r, s, err := ecdsa.Sign(rand.Reader, private, h.Sum(nil))
	if err != nil {
		t.Error(err)
	}
	return cat(mpint(r), mpint(s))
}

// rsaKey signs by arithmetic alone, with any exponent and padding.
type rsaKey struct{ n, e, d *big.Int }

func newRSAKey(t testing.TB, bits int, exponent int64) *rsaKey {
	e := big.NewInt(exponent)
	for {
		p, q := prime(t, bits/2), prime(t, bits-bits/2)
		n := new(big.Int).Mul(p, q)
		one := big.NewInt(1)
		phi := new(big.Int).Mul(p.Sub(p, one), q.Sub(q, one))
		if d := new(big.Int).ModInverse(e, phi); d != nil && n.BitLen() == bits {
			return &rsaKey{n, e, d}
		}
	}
}

func prime(t testing.TB, bits int) *big.Int {
	p, err := rand.Prime(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (k *rsaKey) blob() []byte { return cat(str("ssh-rsa"), mpint(k.e), mpint(k.n)) }

// digestInfo is what PKCS #1 v1.5 puts in front of a hash (RFC 8017, 9.2).
var digestInfo = map[string]struct {
	hash   crypto.Hash
	prefix string
}{
	"ssh-rsa":      {crypto.SHA1, "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"},
	"rsa-sha2-256": {crypto.SHA256, "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"},
	"rsa-sha2-512": {crypto.SHA512, "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"},
}

// raw returns the signature's integer by the algorithm, as long as the modulus.
func (k *rsaKey) raw(algorithm string, data []byte) []byte {
	info := digestInfo[algorithm]
	h := info.hash.New()
	h.Write(data)
	tail := cat([]byte{0}, []byte(info.prefix), h.Sum(nil))
	size := (k.n.BitLen() + 7) / 8
	padded := cat([]byte{0, 1}, bytes.Repeat([]byte{0xff}, size-2-len(tail)), tail)
	m := new(big.Int).Exp(new(big.Int).SetBytes(padded), k.d, k.n)
	return m.FillBytes(make([]byte, size))
}

func (k *rsaKey) signer(name, algorithm string) signer {
	return signer{name, k.blob(), func(data []byte) []byte {
		return cat(str(algorithm), str(k.raw(algorithm, data)))
	}}
}

// token is a FIDO token in software (OpenSSH's PROTOCOL.u2f). A test can change its
// answer before it signs.
type token struct {
	application string
	flags       byte
	counter     uint32
	extensions  []byte
	origin      string
	client      func(challenge string) string
}

func newToken() token {
	return token{application: "ssh:", flags: 1, counter: 7, origin: "https://example.com",
		client: func(challenge string) string {
			return `{"type":"webauthn.get","challenge":"` + challenge +
				`","origin":"https://example.com","crossOrigin":false}`
		}}
}

// answered is what the token signs.
func (tk token) answered(hash []byte) []byte {
	application := sha256.Sum256([]byte(tk.application))
	return cat(application[:], []byte{tk.flags}, u32(tk.counter), tk.extensions, hash)
}

func (tk token) trailer() []byte { return cat([]byte{tk.flags}, u32(tk.counter)) }

func newSKEd25519(t testing.TB, tk token) signer {
	const name = "sk-ssh-ed25519@openssh.com"
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{"sk-ed25519", cat(str(name), str(public), str(tk.application)), func(data []byte) []byte {
		hash := sha256.Sum256(data)
		return cat(str(name), str(ed25519.Sign(private, tk.answered(hash[:]))), tk.trailer())
	}}
}

const skECDSA = "sk-ecdsa-sha2-nistp256@openssh.com"

func newSKECDSA(t testing.TB, tk token) signer {
	private := generateECDSA(t, elliptic.P256())
	return signer{"sk-ecdsa", tk.ecdsaKey(private), func(data []byte) []byte {
		hash := sha256.Sum256(data)
		return cat(str(skECDSA), str(signECDSA(t, private, crypto.SHA256, tk.answered(hash[:]))), tk.trailer())
	}}
}

func (tk token) ecdsaKey(private *ecdsa.PrivateKey) []byte {
	return cat(str(skECDSA), str("nistp256"), str(point(private)), str(tk.application))
}

// newWebauthn is the token asked by a browser, which signs what that wrote.
func newWebauthn(t testing.TB, tk token) signer {
	private := generateECDSA(t, elliptic.P256())
	return signer{"webauthn", tk.ecdsaKey(private), func(data []byte) []byte {
		client := tk.client(base64.RawURLEncoding.EncodeToString(data))
		hash := sha256.Sum256([]byte(client))
		return cat(str("webauthn-"+skECDSA), str(signECDSA(t, private, crypto.SHA256, tk.answered(hash[:]))),
			tk.trailer(), str(tk.origin), str(client), str(tk.extensions))
	}}
}

const (
	mldsaName      = "ssh-mldsa44-ed25519"
	mldsaFirstName = "ssh-mldsa44-ed25519@openssh.com" // in OpenSSH 10.4 and 10.5
)

// newComposite is a key of ML-DSA-44 and Ed25519 (OpenSSH's ssh-mldsa-eddsa.c).
func newComposite(t testing.TB, name string) signer {
	first, err := mldsa.GenerateKey(mldsa.MLDSA44())
	if err != nil {
		t.Fatal(err)
	}
	public, second, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{name, cat(str(name), str(cat(first.PublicKey().Bytes(), public))), func(data []byte) []byte {
		const label = "COMPSIG-MLDSA44-Ed25519-SHA512"
		digest := sha512.Sum512(data)
		message := cat([]byte("CompositeAlgorithmSignatures2025"), []byte(label), []byte{0}, digest[:])
		signature, err := first.Sign(nil, message, &mldsa.Options{Context: label})
		if err != nil {
			t.Error(err)
		}
		return cat(str(name), str(cat(signature, ed25519.Sign(second, message))))
	}}
}

// newSigners returns one of each type that is accepted.
func newSigners(t testing.TB) []signer {
	large := newRSAKey(t, 2048, 65537)
	return []signer{
		newEd25519(t),
		newECDSA(t, elliptic.P256(), "nistp256", crypto.SHA256),
		newECDSA(t, elliptic.P384(), "nistp384", crypto.SHA384),
		newECDSA(t, elliptic.P521(), "nistp521", crypto.SHA512),
		newRSAKey(t, 1024, 65537).signer("rsa 1024", "rsa-sha2-512"),
		large.signer("rsa 2048 sha256", "rsa-sha2-256"),
		large.signer("rsa 2048 sha512", "rsa-sha2-512"),
		newSKEd25519(t, newToken()),
		newSKECDSA(t, newToken()),
		newWebauthn(t, newToken()),
		newComposite(t, mldsaName),
		newComposite(t, mldsaFirstName),
	}
}

const webauthnCertificate = "webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com"

// certificate has the differences from a good certificate of me's.
type certificate struct {
	name          string // of its type, that of the key if empty
	serial        uint64
	kind          uint32
	id            string
	principals    []string
	after, before uint64
	critical      []byte
	extensions    []byte
	reserved      string
	trailing      []byte
}

func newCertificate() certificate {
	return certificate{serial: 42, kind: ssh.UserCert, id: "an id", principals: []string{me}, before: ssh.CertTimeInfinity}
}

// certified returns s with a certificate of an authority.
func certified(s, authority signer, c certificate) signer {
	r := s.key
	name, rest := cut(r)
	certName, _ := strings.CutSuffix(name, "@openssh.com")
	switch {
	case c.name != "":
		certName = c.name
	case name == mldsaName:
		certName = name + "-cert"
	default:
		certName += "-cert-v01@openssh.com"
	}
	var principals []byte
	for _, p := range c.principals {
		principals = append(principals, str(p)...)
	}
	signed := cat(str(certName), str("a nonce"), rest, u64(c.serial), u32(c.kind), str(c.id), str(principals),
		u64(c.after), u64(c.before), str(c.critical), str(c.extensions), str(c.reserved), str(authority.key))
	s.key = cat(signed, str(authority.sign(signed)), c.trailing)
	s.name += " certificate"
	return s
}

// cut takes the first field of data.
func cut(data []byte) (field string, rest []byte) {
	n := int(data[0])<<24 | int(data[1])<<16 | int(data[2])<<8 | int(data[3])
	return string(data[4 : 4+n]), data[4+n:]
}
