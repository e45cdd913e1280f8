package allowedsigners

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/wire"
)

func newKRL(sections ...[]byte) []byte {
	list := binary.BigEndian.AppendUint32([]byte(krlMagic), krlVersion)
	list = append(list, make([]byte, 3*8)...)
	list = wire.AppendBytes(wire.AppendBytes(list, ""), "comment")
	return append(list, bytes.Join(sections, nil)...)
}

func section(kind byte, parts ...[]byte) []byte {
	return wire.AppendBytes([]byte{kind}, bytes.Join(parts, nil))
}

func str(data []byte) []byte { return wire.AppendBytes(nil, data) }

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// revoked is the section of certificates by an authority.
func revoked(authority []byte, parts ...[]byte) []byte {
	return section(krlCertificates, str(authority), str(nil), bytes.Join(parts, nil))
}

func TestRevocations(t *testing.T) {
	key, authority, other, certificate := newKey(t, 'a'), newKey(t, 'b'), newKey(t, 'c'), newCertificate(t)
	sum1, sum256 := sha1.Sum(key.Marshal()), sha256.Sum256(key.Marshal())
	by := authority.Marshal()
	for _, tt := range []struct {
		name             string
		list             []byte
		key, certificate error
		text             string
	}{
		{"an empty list", nil, nil, nil, ""},
		{"the key", []byte(withKeys(t, "# revoked\n\nA comment\n")), ErrRevoked, ErrRevoked, "line 3"},
		{"the authority", []byte(withKeys(t, "B")), nil, ErrRevoked, "its authority is: line 1"},
		{"a list with options", []byte(withKeys(t, "restrict A")), ErrRevocationList, ErrRevocationList, "line 1"},
		{"fingerprints", []byte(key.Fingerprint() + "\n"), ErrRevocationList, ErrRevocationList, "line 1"},
		{"an empty KRL", newKRL(), nil, nil, ""},
		{"KRL of the key", newKRL(section(krlKeys, str(other.Marshal()), str(key.Marshal()))), ErrRevoked, ErrRevoked, "the key itself"},
		{"KRL of its SHA-1", newKRL(section(krlSHA1, str(sum1[:]))), ErrRevoked, ErrRevoked, "its SHA-1 fingerprint"},
		{"KRL of its SHA-256", newKRL(section(krlSHA256, str(sum256[:]))), ErrRevoked, ErrRevoked, "its SHA-256 fingerprint"},
		{"KRL of the authority", newKRL(section(krlKeys, str(by))), nil, ErrRevoked, "the key itself"},
		{"KRL of its serial", newKRL(revoked(by, section(krlSerials, u64(7), u64(42)))), nil, ErrRevoked, "its serial number 42"},
		{"KRL of any's serial", newKRL(revoked(nil, section(krlSerials, u64(42)))), nil, ErrRevoked, "its serial number 42"},
		{"KRL of another's serial", newKRL(revoked(other.Marshal(), section(krlSerials, u64(42)))), nil, nil, ""},
		{"KRL of a range", newKRL(revoked(by, section(krlSerialRange, u64(42), u64(50)))), nil, ErrRevoked, "its serial number 42"},
		{"KRL of a range beside it", newKRL(revoked(by, section(krlSerialRange, u64(43), u64(50)))), nil, nil, ""},
		{"KRL of a bitmap", newKRL(revoked(by, section(krlSerialBitmap, u64(40), str([]byte{4})))), nil, ErrRevoked, "its serial number 42"},
		{"KRL of a bitmap without it", newKRL(revoked(by, section(krlSerialBitmap, u64(40), str([]byte{0x73})))), nil, nil, ""},
		{"KRL of its ID", newKRL(revoked(by, section(krlKeyIDs, str([]byte("id"))))), nil, ErrRevoked, `its key ID "id"`},
		{"KRL of extensions", newKRL(section(krlExtension, str([]byte("x")), []byte{0}, str(nil))), nil, nil, ""},
		{"KRL of critical extensions", newKRL(section(krlExtension, str([]byte("x")), []byte{1}, str(nil))), ErrRevocationList, ErrRevocationList, `critical extension "x"`},
		{"KRL with a signature", newKRL(section(4, str(by))), ErrRevocationList, ErrRevocationList, "section 4: unknown"},
		{"KRL of the key and what is unknown", newKRL(section(krlKeys, str(key.Marshal())), section(77)), ErrRevocationList, ErrRevocationList, "section 77: unknown"},
		{"KRL of unknown parts", newKRL(revoked(by, section(0x24))), ErrRevocationList, ErrRevocationList, "part 0x24: unknown"},
		{"KRL of a range backwards", newKRL(revoked(by, section(krlSerialRange, u64(50), u64(42)))), ErrRevocationList, ErrRevocationList, "from 50 to 42"},
		{"KRL of version 2", []byte(krlMagic + "\x00\x00\x00\x02"), ErrRevocationList, ErrRevocationList, "version 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, tt.list, key, tt.key, tt.text)
			check(t, tt.list, certificate, tt.certificate, tt.text)
			if !errors.Is(tt.key, ErrRevocationList) {
				check(t, tt.list, newKey(t, 'd'), nil, "")
			}
		})
	}
}

func check(t *testing.T, list []byte, key *pubkey.Key, want error, text string) {
	t.Helper()
	err := NewRevocations(list).Check(key)
	if !errors.Is(err, want) || err != nil && !strings.Contains(err.Error(), text) {
		t.Errorf("Check of %s returned %v, want %v with %q", key.Type(), err, want, text)
	}
}

func TestCutKRLsRevokeEverything(t *testing.T) {
	list := newKRL(revoked(newKey(t, 'b').Marshal(), section(krlSerials, u64(7)), section(krlKeyIDs, str([]byte("x")))))
	for n := len(krlMagic); n < len(list); n++ {
		if n == len(newKRL()) {
			continue // without its section the list is whole
		}
		if err := NewRevocations(list[:n]).Check(newCertificate(t)); !errors.Is(err, ErrRevocationList) {
			t.Errorf("cut at %d of %d: %v", n, len(list), err)
		}
	}
}

// FuzzKRL adds the key to a list that can be read: the list must still be readable,
// and revoke the key.
func FuzzKRL(f *testing.F) {
	by := newKey(f, 'b').Marshal()
	f.Add(newKRL())
	f.Add(newKRL(section(krlKeys, str(by)), section(krlSHA1, str(make([]byte, 20))), section(krlSHA256, str(make([]byte, 32)))))
	f.Add(newKRL(revoked(by, section(krlSerials, u64(1)), section(krlSerialRange, u64(2), u64(3)),
		section(krlSerialBitmap, u64(4), str([]byte{5})), section(krlKeyIDs, str([]byte("x"))))))
	f.Add([]byte(withKeys(f, "# keys\nB\n")))
	key, certificate := newKey(f, 'a'), newCertificate(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, k := range []*pubkey.Key{key, certificate} {
			if err := NewRevocations(data).Check(k); err != nil {
				if !errors.Is(err, ErrRevoked) && !errors.Is(err, ErrRevocationList) {
					t.Errorf("the error is %v", err)
				}
				continue
			}
			more := section(krlKeys, str(key.Marshal()))
			if !bytes.HasPrefix(data, []byte(krlMagic)) {
				more = []byte("\n" + withKeys(t, "A"))
			}
			if err := NewRevocations(append(bytes.Clone(data), more...)).Check(k); !errors.Is(err, ErrRevoked) {
				t.Errorf("%s with the key added: %v", k.Type(), err)
			}
		}
	})
}
