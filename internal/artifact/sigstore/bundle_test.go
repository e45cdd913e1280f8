package sigstore

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

var artifact = []byte("the agent\n")

// keys has a key of each type that signs bundles, others has other keys of the same types.
var keys, others = sync.OnceValue(newKeys), sync.OnceValue(newKeys)

func newKeys() map[string]crypto.Signer {
	must := func(key crypto.Signer, err error) crypto.Signer {
		if err != nil {
			panic(err)
		}
		return key
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	return map[string]crypto.Signer{
		"P-256":   must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		"P-384":   must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
		"P-521":   must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)),
		"RSA":     must(rsa.GenerateKey(rand.Reader, 2048)),
		"Ed25519": must(ed, err),
	}
}

// signed returns the bundle of message.
func signed(t testing.TB, key crypto.Signer, message []byte) *Bundle {
	t.Helper()
	hash, err := SigningHash(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if hash == 0 {
		hash = crypto.SHA256
	}
	b, err := New(key.Public(), hash, sum(hash, message), sign(key, message))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sign makes the signature that is in a bundle of message.
func sign(key crypto.Signer, message []byte) []byte {
	hash, err := SigningHash(key.Public())
	if err != nil {
		panic(err)
	}
	if hash != 0 {
		message = sum(hash, message)
	}
	signature, err := key.Sign(rand.Reader, message, hash)
	if err != nil {
		panic(err)
	}
	return signature
}

func sum(hash crypto.Hash, message []byte) []byte {
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}

func marshal(t testing.TB, b *Bundle) []byte {
	t.Helper()
	text, err := b.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWhatIsWrittenIsReadAndVerified(t *testing.T) {
	for name, key := range keys() {
		t.Run(name, func(t *testing.T) {
			b, err := Read(bytes.NewReader(marshal(t, signed(t, key, artifact))))
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Verify(key.Public(), bytes.NewReader(artifact)); err != nil {
				t.Error(err)
			}
			if unchecked := b.Unchecked(); unchecked != nil {
				t.Errorf("unchecked: %q", unchecked)
			}
		})
	}
}

// attacks change a good bundle of artifact by key, and return the key and the file
// with which it is then verified.
var attacks = []struct {
	name, want string
	change     func(b *Bundle, key, other crypto.Signer) (crypto.PublicKey, []byte)
}{
	{"another file", "the bundle is of a file with", func(_ *Bundle, key, other crypto.Signer) (crypto.PublicKey, []byte) {
		return key.Public(), []byte("another")
	}},
	{"another file whose digest was put into the bundle", "not by this key over this file", func(b *Bundle, key, other crypto.Signer) (crypto.PublicKey, []byte) {
		b.Digest = sum(b.Hash, []byte("another"))
		return key.Public(), []byte("another")
	}},
	{"another file and a bundle without digest", "not by this key over this file", func(b *Bundle, key, other crypto.Signer) (crypto.PublicKey, []byte) {
		b.Hash, b.Digest = 0, nil
		return key.Public(), []byte("another")
	}},
	{"another key", "not by this key", func(_ *Bundle, key, other crypto.Signer) (crypto.PublicKey, []byte) {
		return other.Public(), artifact
	}},
	{"a damaged signature", "not by this key over this file", func(b *Bundle, key, other crypto.Signer) (crypto.PublicKey, []byte) {
		b.Signature[len(b.Signature)/2] ^= 1
		return key.Public(), artifact
	}},
	{"a signature of the digest instead of the file", "not by this key over this file", func(b *Bundle, key, other crypto.Signer) (crypto.PublicKey, []byte) {
		b.Signature = sign(key, sum(crypto.SHA256, artifact))
		return key.Public(), artifact
	}},
	{"a signature of the empty message", "not by this key over this file", func(b *Bundle, key, other crypto.Signer) (crypto.PublicKey, []byte) {
		b.Signature = sign(key, nil)
		return key.Public(), artifact
	}},
}

func TestVerifyRefuses(t *testing.T) {
	for name, key := range keys() {
		for _, attack := range attacks {
			t.Run(name+"/"+attack.name, func(t *testing.T) {
				b := signed(t, key, artifact)
				public, file := attack.change(b, key, others()[name])
				err := b.Verify(public, bytes.NewReader(file))
				if !errors.Is(err, ErrBad) || !strings.Contains(err.Error(), attack.want) {
					t.Errorf("error %v, want one with %q", err, attack.want)
				}
			})
		}
	}
}

func TestVerifyWithoutDigestUsesTheHashOfTheKey(t *testing.T) {
	for name, key := range keys() {
		b := signed(t, key, artifact)
		b.Hash, b.Digest = 0, nil
		if err := b.Verify(key.Public(), bytes.NewReader(artifact)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFileThatCannotBeReadIsNotABadSignature(t *testing.T) {
	broken := errors.New("disk on fire")
	for name, key := range keys() {
		err := signed(t, key, artifact).Verify(key.Public(), iotest.ErrReader(broken))
		if !errors.Is(err, broken) || errors.Is(err, ErrBad) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEd25519FilesOverTheLimitAreRefused(t *testing.T) {
	const limit = 1 << 20
	if message, err := readWhole(bytes.NewReader(make([]byte, limit)), limit); err != nil || len(message) != limit {
		t.Errorf("a file of the limit: %d bytes, %v", len(message), err)
	}
	_, err := readWhole(bytes.NewReader(make([]byte, limit+1)), limit)
	if err == nil || errors.Is(err, ErrBad) || !strings.Contains(err.Error(), "over 1 MiB") {
		t.Errorf("error %v", err)
	}
}

func TestKeysThatSignNoBundles(t *testing.T) {
	small, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []crypto.PublicKey{small.Public(), nil, "key"} {
		if err := (&Bundle{}).Verify(key, bytes.NewReader(nil)); err == nil || errors.Is(err, ErrBad) {
			t.Errorf("%T: error %v", key, err)
		}
	}
}

const (
	goodMaterial = `"verificationMaterial":{"publicKey":{"hint":"aGludA=="}}`
	goodMessage  = `"messageSignature":{"signature":"c2ln"}`
	goodType     = `"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"`
)

func TestReadRefuses(t *testing.T) {
	withDigest := func(algorithm string, size int) string {
		digest, _ := json.Marshal(make([]byte, size))
		return fmt.Sprintf(`{%s,%s,"messageSignature":{"messageDigest":{"algorithm":%q,"digest":%s},"signature":"c2ln"}}`, goodType, goodMaterial, algorithm, digest)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "not a sigstore bundle"},
		{"binary", "\x7fELF\x00\x00", "not a sigstore bundle"},
		{"an array", "[]", "expected an object"},
		{"a cut bundle", `{` + goodType + `,"verif`, "not a sigstore bundle"},
		{"a bundle and more", "{" + goodType + "," + goodMaterial + "," + goodMessage + "}{}", "after top-level value"},
		{"another version", `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.4+json"}`, `"application/vnd.dev.sigstore.bundle.v0.4+json", expected`},
		{"the older format of cosign", `{"base64Signature":"c2ln","cert":"","rekorBundle":{}}`, `field "base64Signature" is unknown`},
		{"no key", "{" + goodType + "," + goodMessage + "}", "names no public key"},
		{"a certificate", "{" + goodType + `,"verificationMaterial":{"certificate":{"rawBytes":"AA=="}},` + goodMessage + "}", "with a certificate"},
		{"a certificate besides the key", "{" + goodType + `,"verificationMaterial":{"publicKey":{},"x509CertificateChain":{}},` + goodMessage + "}", "with a certificate"},
		{"an attestation", "{" + goodType + "," + goodMaterial + `,"dsseEnvelope":{}}`, "DSSE envelope"},
		{"an attestation besides the signature", "{" + goodType + "," + goodMaterial + "," + goodMessage + `,"dsseEnvelope":{}}`, "DSSE envelope"},
		{"no signature", "{" + goodType + "," + goodMaterial + "}", "has no signature"},
		{"an empty signature", "{" + goodType + "," + goodMaterial + `,"messageSignature":{"signature":""}}`, "has no signature"},
		{"a field twice", "{" + goodType + "," + goodMaterial + "," + goodMessage + "," + goodMessage + "}", "twice"},
		{"a field twice, further in", "{" + goodType + "," + goodMaterial + `,"messageSignature":{"signature":"c2ln","signature":"c2ln"}}`, "twice"},
		{"a field in other letters", "{" + goodType + "," + goodMaterial + `,"messageSignature":{"Signature":"c2ln"}}`, `field "Signature" is unknown`},
		{"a field of another format", "{" + goodType + "," + goodMaterial + "," + goodMessage + `,"dsse-envelope":{}}`, "unknown"},
		{"an attestation, spelled as in the definition", "{" + goodType + "," + goodMaterial + "," + goodMessage + `,"dsse_envelope":{}}`, "DSSE envelope"},
		{"a field twice, in both spellings", "{" + goodType + "," + goodMaterial + "," + goodMessage + `,"message_signature":{"signature":"c2ln"}}`, "twice"},
		{"a field half in each spelling", "{" + goodType + "," + goodMaterial + "," + goodMessage + `,"timestamp_verificationData":{}}`, "unknown"},
		{"a number that names no hash", "{" + goodType + "," + goodMaterial + `,"messageSignature":{"messageDigest":{"algorithm":9},"signature":"c2ln"}}`, `message digest "9" of 0 bytes`},
		{"a number between two hashes", "{" + goodType + "," + goodMaterial + `,"messageSignature":{"messageDigest":{"algorithm":1.5},"signature":"c2ln"}}`, `message digest "1.5"`},
		{"a hash without its digest", "{" + goodType + "," + goodMaterial + `,"messageSignature":{"messageDigest":{"algorithm":1},"signature":"c2ln"}}`, `message digest "SHA2_256" of 0 bytes`},
		{"base64 of both alphabets", "{" + goodType + "," + goodMaterial + `,"messageSignature":{"signature":"-_+/"}}`, `field "signature"`},
		{"base64 that is none", "{" + goodType + "," + goodMaterial + `,"messageSignature":{"signature":"?"}}`, `field "signature"`},
		{"SHA-1", withDigest("SHA1", 20), `message digest "SHA1"`},
		{"a digest of another length", withDigest("SHA2_256", 48), "of 48 bytes"},
		{"a hint that is no text", "{" + goodType + `,"verificationMaterial":{"publicKey":{"hint":"\udc00"}},` + goodMessage + "}", "not valid text"},
		{"too much", "{" + goodType + strings.Repeat(" ", MaxSize) + "}", "at most 1048576 bytes"},
		{"deep nesting", "{" + goodType + `,"verificationMaterial":{"tlogEntries":` + strings.Repeat("[", 100000), "not a sigstore bundle"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// The forms in which protojson reads a bundle are the same bundle.
func TestReadTakesEveryFormOfProtoJSON(t *testing.T) {
	key := keys()["P-256"]
	b := signed(t, key, artifact)
	b.Signature = append(b.Signature, 0xff, 0xff, 0xff, 0xff) // "/" somewhere, "_" in the other alphabet
	plain := string(marshal(t, b))
	for name, text := range map[string]string{
		"as it is written": plain,
		"names of the definition": strings.NewReplacer("mediaType", "media_type", "verificationMaterial", "verification_material", "publicKey", "public_key",
			"messageSignature", "message_signature", "messageDigest", "message_digest").Replace(plain),
		"the number of the hash":            strings.Replace(plain, `"SHA2_256"`, "1", 1),
		"the number of the hash as a float": strings.Replace(plain, `"SHA2_256"`, "1.0", 1),
		"the URL's alphabet":                urlAlphabet(plain),
		"no padding":                        strings.ReplaceAll(plain, "=", ""),
	} {
		got, err := Read(strings.NewReader(text))
		if err != nil || got.Hash != b.Hash || !bytes.Equal(got.Digest, b.Digest) || !bytes.Equal(got.Signature, b.Signature) {
			t.Errorf("%s is read as %v, %v", name, got, err)
		}
		var other protobundle.Bundle
		if err := protojson.Unmarshal([]byte(text), &other); err != nil {
			t.Errorf("%s: protojson: %v", name, err)
		}
	}
}

// urlAlphabet changes the base64 of a bundle, where its media type has a slash.
func urlAlphabet(text string) string {
	before, after, _ := strings.Cut(text, `"verificationMaterial"`)
	return before + `"verificationMaterial"` + strings.NewReplacer("+", "-", "/", "_").Replace(after)
}

func TestReadTakesTheOlderMediaType(t *testing.T) {
	text := `{"mediaType":"application/vnd.dev.sigstore.bundle+json;version=0.3",` + goodMaterial + "," + goodMessage + "}"
	if _, err := Read(strings.NewReader(text)); err != nil {
		t.Error(err)
	}
}

// The bundles in testdata/cosign are of the file there, by cosign v2.6.5; that of
// the Ed25519 key, whose digest is empty, is by v3.1.1.
func TestBundlesOfCosignAreVerified(t *testing.T) {
	file := read(t, "file")
	for _, name := range []string{"p256", "p384", "p521", "rsa", "ed25519"} {
		t.Run(name, func(t *testing.T) {
			b, err := Read(bytes.NewReader(read(t, name+".sigstore.json")))
			if err != nil {
				t.Fatal(err)
			}
			block, _ := pem.Decode(read(t, name+".pub"))
			key, err := x509.ParsePKIXPublicKey(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if hint, err := Hint(key); err != nil || hint != b.Hint {
				t.Errorf("hint %q, %v, cosign wrote %q", hint, err, b.Hint)
			}
			if err := b.Verify(key, bytes.NewReader(file)); err != nil {
				t.Error(err)
			}
			if err := b.Verify(key, bytes.NewReader(append(file, 0))); !errors.Is(err, ErrBad) {
				t.Errorf("another file: %v", err)
			}
		})
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "cosign", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Code generated from the official definitions reads what this package writes, and
// finds the same in it.
func TestWrittenBundlesAgreeWithTheProtobufDefinitions(t *testing.T) {
	for name, key := range keys() {
		t.Run(name, func(t *testing.T) {
			b := signed(t, key, artifact)
			var other protobundle.Bundle
			if err := protojson.Unmarshal(marshal(t, b), &other); err != nil {
				t.Fatal(err)
			}
			if want := definition(b); !proto.Equal(&other, want) {
				t.Errorf("read as\n%v\nwant\n%v", &other, want)
			}
		})
	}
}

// This package reads what generated code writes, with all optional parts of a bundle,
// which are reported and not checked.
func TestBundlesOfTheProtobufDefinitionsAreRead(t *testing.T) {
	key := keys()["P-384"]
	other := definition(signed(t, key, artifact))
	other.VerificationMaterial.TlogEntries = []*protorekor.TransparencyLogEntry{
		{LogIndex: 7, LogId: &protocommon.LogId{KeyId: []byte("log")}, CanonicalizedBody: []byte("{}")}, {},
	}
	other.VerificationMaterial.TimestampVerificationData = &protobundle.TimestampVerificationData{
		Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: []byte("now")}},
	}
	text, err := protojson.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Verify(key.Public(), bytes.NewReader(artifact)); err != nil {
		t.Error(err)
	}
	want := "transparency log entries: 2; signed timestamps: 1"
	if got := strings.Join(b.Unchecked(), "; "); got != want {
		t.Errorf("unchecked %q, want %q", got, want)
	}
}

// definition is the bundle in the types generated from the definitions.
func definition(b *Bundle) *protobundle.Bundle {
	message := &protocommon.MessageSignature{Signature: b.Signature}
	if b.Hash != 0 {
		message.MessageDigest = &protocommon.HashOutput{
			Algorithm: protocommon.HashAlgorithm(protocommon.HashAlgorithm_value[hashNames[b.Hash]]),
			Digest:    b.Digest,
		}
	}
	return &protobundle.Bundle{
		MediaType: MediaType,
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content: &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{Hint: b.Hint}},
		},
		Content: &protobundle.Bundle_MessageSignature{MessageSignature: message},
	}
}

// Generated code reads everything that this package reads, and finds the same key,
// digest and signature in it.
func FuzzReadAgreesWithTheProtobufDefinitions(f *testing.F) {
	for _, key := range keys() {
		f.Add(marshal(f, signed(f, key, artifact)))
	}
	f.Add(read(f, "p384.sigstore.json"))
	f.Add([]byte("{" + goodType + "," + goodMaterial + "," + goodMessage + "}"))
	f.Add([]byte(`{"mediaType":null,"verificationMaterial":{"publicKey":{},"tlogEntries":[{}]}}`))
	f.Add([]byte("{" + goodType + `,"verificationMaterial":{"publicKey":{"hint":"\ud800"}},` + goodMessage + "}"))
	f.Add([]byte("{" + goodType + `,"verificationMaterial":{"publicKey":null},"messageSignature":{"messageDigest":null,"signature":"c2ln"}}`))
	f.Add([]byte("{" + goodType + "," + goodMaterial + `,"messageSignature":{"messageDigest":{},"signature":"c2\nln"},"dsseEnvelope":null}`))
	f.Add([]byte(`{"media_type":"application/vnd.dev.sigstore.bundle.v0.3+json","verification_material":{"public_key":{}},"message_signature":{"message_digest":{"algorithm":1e0},"signature":"_-8"}}`))
	f.Add([]byte("{" + goodType + "," + goodMaterial + `,"messageSignature":{"messageDigest":{"algorithm":"HASH_ALGORITHM_UNSPECIFIED","digest":""},"signature":"c2ln"}}`))
	f.Add(read(f, "ed25519.sigstore.json"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		_ = b.Verify(ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)), bytes.NewReader(artifact))
		if b.Unchecked() != nil {
			return // their insides are not read here
		}
		var other protobundle.Bundle
		if err := protojson.Unmarshal(data, &other); err != nil {
			t.Fatalf("accepted, but generated code says: %v", err)
		}
		want := definition(b)
		want.MediaType = other.MediaType
		if message := other.GetMessageSignature(); proto.Equal(message.GetMessageDigest(), &protocommon.HashOutput{}) {
			message.MessageDigest = nil // an empty one is none
		}
		if !proto.Equal(&other, want) {
			t.Errorf("read as\n%v\nbut generated code reads\n%v", want, &other)
		}
	})
}

func TestHintIsTheDigestOfTheKey(t *testing.T) {
	// Of the key of the all-zero seed; by openssl pkey -pubout -outform DER | openssl sha256.
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public()
	der := append([]byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}, key.(ed25519.PublicKey)...)
	want := sha256.Sum256(der)
	got, err := Hint(key)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(want[:])
	if got != strings.Trim(string(text), `"`) {
		t.Errorf("hint %q, want %s", got, text)
	}
}
