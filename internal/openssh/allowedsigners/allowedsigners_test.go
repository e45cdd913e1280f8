package allowedsigners

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
)

// now is the time of every query.
var now = time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC)

func newSigner(t testing.TB, name byte) ssh.Signer {
	t.Helper()
	s, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{name}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t testing.TB, key ssh.PublicKey) *pubkey.Key {
	t.Helper()
	parsed, err := pubkey.Parse(key.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// newKey returns the key of a name, and newCertificate its certificate by the key b
// for me and you.
func newKey(t testing.TB, name byte) *pubkey.Key { return parse(t, newSigner(t, name).PublicKey()) }

func newCertificate(t testing.TB) *pubkey.Key {
	t.Helper()
	c := &ssh.Certificate{Key: newSigner(t, 'a').PublicKey(), CertType: ssh.UserCert, Serial: 42, KeyId: "id",
		ValidPrincipals: []string{"me", "you"}, ValidBefore: uint64(now.Unix()) + 1}
	if err := c.SignCert(rand.Reader, newSigner(t, 'b')); err != nil {
		t.Fatal(err)
	}
	return parse(t, c)
}

// withKeys replaces the names A and B by keys.
func withKeys(t testing.TB, text string) string {
	line := func(name byte) string {
		return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(newSigner(t, name).PublicKey())))
	}
	return strings.NewReplacer("A", line('a'), "B", line('b')).Replace(text)
}

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		name, list string
		query      Query
		want       string
	}{
		{"a name", "me A", Query{Identity: "me"}, "me"},
		{"a pattern", "*@x A", Query{Identity: "me@x"}, "me@x"},
		{"anyone", "me,you A", Query{AnyIdentity: true}, "me"},
		{"anyone, first an exception", "!x,me A", Query{AnyIdentity: true}, "me"},
		{"anyone by a pattern", "*@x A", Query{AnyIdentity: true}, "*@x"},
		{"in quotes", `"a b" A`, Query{Identity: "a b"}, "a b"},
		{"a later line", "me B\nyou A\nme A\n", Query{Identity: "me"}, "me"},
		{"a later line for anyone", "me namespaces=\"git\" A\nyou A\n", Query{AnyIdentity: true}, "you"},
		{"between broken lines", "broken\nme A\nme broken A\n", Query{Identity: "me"}, "me"},
		{"all options", `me cert-authority,namespaces="x" B` + "\n" + `me valid-before="20240601120000Z",valid-after="20240601120000Z" A` + "\n" +
			`me namespaces="git,fi*",valid-after="20240601120000Z",valid-before="20240601120001Z" A`, Query{Identity: "me"}, "me"},
		{"a certificate", "m* cert-authority B", Query{Identity: "me", Key: newCertificate(t)}, "me"},
		{"a certificate for anyone", "y* cert-authority B", Query{AnyIdentity: true, Key: newCertificate(t)}, "you"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := find(t, tt.list, tt.query); err != nil || got != tt.want {
				t.Errorf("Find returned %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// find asks for the key A in the namespace file, unless the query has others.
func find(t *testing.T, list string, q Query) (string, error) {
	t.Helper()
	if q.Key == nil {
		q.Key = newKey(t, 'a')
	}
	q.Namespace, q.Time = "file", now
	return Parse([]byte(withKeys(t, list))).Find(q)
}

func TestFindSaysWhyNot(t *testing.T) {
	for _, tt := range []struct {
		name, list string
		query      Query
		want       error
		text       string
	}{
		{"an empty list", "", Query{Identity: "me"}, ErrUnknown, ""},
		{"another key", "me B", Query{Identity: "me"}, ErrUnknown, ""},
		{"an authority's key as a signer's", "me cert-authority A", Query{Identity: "me"}, ErrUnknown, ""},
		{"a certificate whose key is listed", "me A", Query{Identity: "me", Key: newCertificate(t)}, ErrUnknown, ""},
		{"another's", "\nyou A", Query{Identity: "me"}, ErrIdentity, `line 2: the key is another signer's: it is listed for "you", not for "me"`},
		{"nobody's", "!x A", Query{AnyIdentity: true}, ErrIdentity, `it is listed for "!x"`},
		{"another namespace", `me namespaces="git" A`, Query{Identity: "me"}, ErrNamespace, `its namespaces are "git", not "file"`},
		{"too early", `me valid-after="20240601120001Z" A`, Query{Identity: "me"}, ErrNotYetValid, "line 1: the key is valid only from 2024-06-01 12:00:01 UTC"},
		{"too late", `me valid-before="20240601115959Z" A`, Query{Identity: "me"}, ErrExpired, "line 1: the key expired on 2024-06-01 11:59:59 UTC"},
		{"not certified", "* cert-authority B", Query{Identity: "x", Key: newCertificate(t)}, ErrIdentity, `certified for ["me" "you"], not for "x"`},
		{"the first of two reasons", `me valid-before="20200101Z" A` + "\nyou A", Query{Identity: "me"}, ErrExpired, "line 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := find(t, tt.list, tt.query)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("Find returned %q, %v; want an error with %q", got, err, tt.text)
			}
		})
	}
}

func TestMalformedLinesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"me":                               "line 1: a key is missing",
		"\n\nme nothing":                   "line 3: not a public key",
		"me ssh-ed25519 AAAA= me":          "line 1: not a public key: illegal base64 data",
		`"me A`:                            "line 1: a quote is not closed",
		`me namespaces="file A`:            "line 1: a quote is not closed",
		`me namespaces=file A`:             `line 1: expected a value in quotes, found "file"`,
		`me namespaces="a"x A`:             `line 1: unknown option "x"`,
		`me cert-authority, A`:             "line 1: an option is missing after the last comma",
		`me valid-before="soon" A`:         "line 1: expected YYYYMMDD[HHMM[SS]] and Z at its end for UTC",
		`me valid-after="19700101Z" A`:     "after 1970",
		`me namespaces="",namespaces="" A`: "line 1: duplicate option namespaces",
		`me valid-after="2020010100Z" A`:   "line 1: expected YYYYMMDD",
		`me valid-after="20200101Z",valid-after="20200101Z" A`:  "line 1: duplicate time",
		`me valid-after="20200102Z",valid-before="20200101Z" A`: "line 1: valid-before is not after valid-after",
	} {
		list := Parse([]byte(withKeys(t, text)))
		if len(list.Malformed) != 1 || !strings.Contains(list.Malformed[0].Error(), want) || len(list.lines) != 0 {
			t.Errorf("%q: %v, want %q", text, list.Malformed, want)
		}
	}
	if list := Parse([]byte("# a comment\n\n \t\n\r\n" + withKeys(t, "me A"))); len(list.Malformed) != 0 || len(list.lines) != 1 {
		t.Errorf("malformed are %v of %d lines", list.Malformed, len(list.lines))
	}
}

// FuzzParse checks that every line that is read has a key, and that a list that is
// repeated means the same.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"me A", `"a b",!c namespaces="file,\"x",valid-after="20200101",valid-before="20300101Z" A comment`,
		"* cert-authority B\r\n#\n\nbroken", ",,, A"} {
		f.Add([]byte(withKeys(f, text)))
	}
	key, certificate := newKey(f, 'a'), newCertificate(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		once, twice := Parse(data), Parse(append(append(bytes.Clone(data), '\n'), data...))
		for _, q := range []Query{{Key: key, Identity: "me"}, {Key: key, AnyIdentity: true}, {Key: certificate, AnyIdentity: true}} {
			q.Namespace, q.Time = "file", now
			name, err := once.Find(q)
			if again, errAgain := twice.Find(q); again != name || (errAgain == nil) != (err == nil) {
				t.Errorf("%q, %v; standing twice %q, %v", name, err, again, errAgain)
			}
		}
	})
}
