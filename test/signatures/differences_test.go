package signatures

import (
	"bytes"
	"crypto/fips140"
	"encoding/base64"
	"regexp"
	"strings"
)

// difference is a case in which some versions of OpenSSH intentionally answer
// otherwise than hapgent-verify. If versions differ, hapgent-verify follows the newest,
// so that each case, except those of all versions, agrees with some version.
type difference struct {
	reason string
	in     func(version) bool
	they   answers
	about  func(question) bool
}

// answers are the answers of the versions of a difference, unlike hapgent-verify's.
type answers int

const (
	take answers = iota
	refuse
	either
)

func (a answers) fit(accepted bool) bool { return a == either || (a == take) == accepted }

func every(version) bool { return true }

func before(limit version) func(version) bool { return func(v version) bool { return v < limit } }

func since(limit version) func(version) bool { return func(v version) bool { return v >= limit } }

var differences = []difference{
	{"Go takes no RSA exponent of more than 24 bits; ssh-keygen makes 65537 only",
		every, take, named(`/rsa with exponent (16777259|4294967311)$`)},
	{"a KRL with a signature is refused here, where it would not be checked: no ssh-keygen makes one",
		every, take, named(`KRL signed$`)},
	{"in FIPS mode (GODEBUG=fips140=on) Go checks no signature of a CA by RSA with SHA-1",
		every, take, func(q question) bool { return fips140.Enabled() && strings.HasSuffix(q.name, "/by rsa with SHA-1") }},
	{"valid-after and valid-before come with 8.7, and refuse the whole line before",
		before(807), refuse, func(q question) bool { return strings.Contains(strings.ToLower(q.signers), "valid-") }},
	{"verify-time comes with 8.7; before, a certificate must be in date today",
		before(807), either, func(q question) bool { return q.verifyTime != "" && strings.Contains(q.name, "/certificates/") }},
	{"keys of ML-DSA-44 and Ed25519 are known since 10.6 by this name",
		before(1006), refuse, mentions(mldsaName, mldsaName+"-cert")},
	{"keys of ML-DSA-44 and Ed25519 are known by their first name to 10.4 and 10.5 alone",
		func(v version) bool { return v < 1004 || v >= 1006 }, refuse, mentions(mldsaFirstName, mldsaName+"-cert-v01@openssh.com")},
	{"the certificate of a key asked by a browser has a name of its own since 10.3",
		before(1003), refuse, mentions(webauthnCertificate)},
	{"-O is not looked at before 8.7", before(807), take, func(q question) bool { return q.lost == "-O" }},
	{"extensions of KRLs are known since 9.4",
		before(904), refuse, func(q question) bool { return bytes.Contains(q.revocation, []byte("an extension")) }},
	{"CRLF after the armor's first line is taken since 9.5",
		before(905), refuse, func(q question) bool {
			return bytes.HasPrefix(q.armored, []byte(strings.TrimSpace(begin)+"\r\n"))
		}},
	{"DSA is gone since 10.0", before(1000), take, named(`/dsa\.sig$`)},
	{"a key's type has no short name since 10.0",
		before(1000), take, named(`/blob/.* called (ed25519|Rsa|ecdsa-sk|ED25519-SK)$`)},
	{"an Ed25519 signature has one form alone since 10.3 (RFC 8032, 5.1.7)",
		before(1003), take, named(`/ed25519 with the order added to s$`)},
	{"a time before 1970 is one of the far future since 10.5, and an error here",
		since(1005), take, named(`/times/.*"(19691231|00000101|   40601)Z?"`)},
	{"local times in summer are taken for standard time before 10.6",
		before(1006), either, func(q question) bool {
			return q.zone != "UTC" && localTime.MatchString(q.signers+`"`+q.verifyTime+`"`)
		}},
}

var localTime = regexp.MustCompile(`"\d{8,14}"`)

// named is about questions whose name has an expression's text.
func named(expression string) func(question) bool {
	pattern := regexp.MustCompile(expression)
	return func(q question) bool { return pattern.MatchString(q.name) }
}

// mentions is about questions with a key or certificate of one of these types.
func mentions(names ...string) func(question) bool {
	return func(q question) bool {
		body, _, _ := strings.Cut(strings.TrimPrefix(string(q.armored), begin), "-----END")
		blob, _ := base64.StdEncoding.DecodeString(body)
		for _, name := range names {
			if bytes.Contains(blob, str(name)) || bytes.Contains(q.revocation, []byte(name+" ")) {
				return true
			}
		}
		return false
	}
}
