package signatures

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// certificateQuestions are about the contents of certificates, and about authorities.
func certificateQuestions(t *testing.T) (questions []question) {
	plain, authority, other := newEd25519(t), newEd25519(t), newEd25519(t)
	ask := func(name string, signers string, change func(*certificate)) {
		c := newCertificate()
		change(&c)
		s := certified(plain, authority, c)
		questions = append(questions, question{name: name, armored: newParts(s, "file", "sha512").armored(),
			signers: signers, verifyTime: "20240601Z"})
	}
	june := uint64(time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC).Unix())
	ca := allowCA(authority.key)
	for name, change := range map[string]func(*certificate){
		"good":                          func(c *certificate) {},
		"of a host":                     func(c *certificate) { c.kind = ssh.HostCert },
		"of no kind":                    func(c *certificate) { c.kind = 0 },
		"of kind 3":                     func(c *certificate) { c.kind = 3 },
		"without principals":            func(c *certificate) { c.principals = nil },
		"with an empty principal":       func(c *certificate) { c.principals = []string{""} },
		"for another":                   func(c *certificate) { c.principals = []string{"you@example.com"} },
		"for a pattern":                 func(c *certificate) { c.principals = []string{"*"} },
		"for me among others":           func(c *certificate) { c.principals = []string{"a", "b", me, "c"} },
		"for 256":                       func(c *certificate) { c.principals = many(255) },
		"for 257":                       func(c *certificate) { c.principals = many(256) },
		"principal with NUL at its end": func(c *certificate) { c.principals = []string{me + "\x00"} },
		"principal with NUL":            func(c *certificate) { c.principals = []string{"a\x00b", me} },
		"valid from now":                func(c *certificate) { c.after = june },
		"valid from a second later":     func(c *certificate) { c.after = june + 1 },
		"valid to now":                  func(c *certificate) { c.before = june },
		"valid to a second later":       func(c *certificate) { c.before = june + 1 },
		"expired at once":               func(c *certificate) { c.after, c.before = 0, 0 },
		"valid from the end of time":    func(c *certificate) { c.after = 1<<64 - 1 },
		"valid to beyond int64":         func(c *certificate) { c.before = 1 << 63 },
		"with critical options":         func(c *certificate) { c.critical = cat(str("force-command"), str(str("ls"))) },
		"with unknown critical options": func(c *certificate) { c.critical = cat(str("x"), str("")) },
		"options out of order":          func(c *certificate) { c.critical = cat(str("b"), str(""), str("a"), str("")) },
		"options twice":                 func(c *certificate) { c.critical = cat(str("a"), str(""), str("a"), str("")) },
		"option value not in a string":  func(c *certificate) { c.critical = cat(str("a"), str("x")) },
		"options cut":                   func(c *certificate) { c.critical = str("a") },
		"extensions":                    func(c *certificate) { c.extensions = cat(str("permit-pty"), str("")) },
		"extensions cut":                func(c *certificate) { c.extensions = []byte{0, 0} },
		"reserved used":                 func(c *certificate) { c.reserved = "something" },
		"id with NUL at its end":        func(c *certificate) { c.id = "id\x00" },
		"id with NUL":                   func(c *certificate) { c.id = "i\x00d" },
		"trailing data":                 func(c *certificate) { c.trailing = []byte{0} },
		"no id, no serial":              func(c *certificate) { c.id, c.serial = "", 0 },
	} {
		ask(name, ca, change)
		ask(name+", authority listed for others", "other@example.com cert-authority "+keyText(authority.key)+"\n", change)
		ask(name+", key listed as authority", allowCA(plain.key), change)
		c := newCertificate()
		change(&c)
		ask(name+", listed itself", allow(certified(plain, authority, c).key), change)
	}
	ask("another authority", allowCA(other.key), func(*certificate) {})
	for _, list := range []string{"*", "*@example.com", "!me@example.com,*", "me@example.com,!*", "you@example.com,me@*"} {
		ask("authority listed for "+list, list+" cert-authority "+keyText(authority.key)+"\n", func(*certificate) {})
	}
	ask("authority listed by its own certificate", allowCA(certified(authority, other, newCertificate()).key), func(*certificate) {})
	ask("authority for a namespace", me+` cert-authority,namespaces="git" `+keyText(authority.key)+"\n", func(*certificate) {})
	ask("authority no longer", me+` cert-authority,valid-before="20240101Z" `+keyText(authority.key)+"\n", func(*certificate) {})
	questions = append(questions, authorities(t, plain)...)
	return append(questions, madeCertificates(t)...)
}

// many is me and n others.
func many(n int) []string {
	names := []string{me}
	for i := range n {
		names = append(names, fmt.Sprint("other", i))
	}
	return names
}

// authorities are about keys of each type as authorities, and what they sign
// otherwise.
func authorities(t *testing.T, plain signer) (questions []question) {
	ask := func(name string, authority signer) {
		s := certified(plain, authority, newCertificate())
		questions = append(questions, question{name: "by " + name, armored: newParts(s, "file", "sha512").armored(),
			signers: allowCA(authority.key)})
	}
	for _, authority := range newSigners(t) {
		ask(authority.name, authority)
		damaged := authority
		damaged.sign = func(data []byte) []byte {
			signature := authority.sign(data)
			signature[len(signature)-12] ^= 1
			return signature
		}
		ask(authority.name+" damaged", damaged)
		ask(authority.name+" which is a certificate", certified(authority, newEd25519(t), newCertificate()))
	}
	key := newRSAKey(t, 1024, 65537)
	ask("rsa with SHA-1", key.signer("", "ssh-rsa"))
	ask("rsa of 1016 bits", newRSAKey(t, 1016, 65537).signer("", "rsa-sha2-512"))
	named := key.signer("", "rsa-sha2-512")
	named.sign = func(data []byte) []byte {
		return format(key.signer("", "rsa-sha2-256").sign(data), "rsa-sha2-256-cert-v01@openssh.com")
	}
	ask("rsa with the name of a certificate", named)
	tk := newToken()
	tk.flags = 0
	ask("a token that was not touched", newSKECDSA(t, tk))
	return questions
}

// madeCertificates are certificates that ssh-keygen made.
func madeCertificates(t *testing.T) (questions []question) {
	files := privateKeys(t, machine(t))
	for kind, private := range files {
		s, err := ssh.ParsePrivateKey(read(t, private))
		if err != nil {
			t.Fatal(err)
		}
		machine(t).keygen(t, "", "-q", "-s", files["rsa2048"], "-I", "id", "-n", me+",a", "-z", "7", "-O", "clear",
			"-O", "critical:x=y", "-V", "20200101Z:20300101Z", private+".pub")
		certificate, _, _, _, err := ssh.ParseAuthorizedKey(read(t, private+"-cert.pub"))
		if err != nil {
			t.Fatal(err)
		}
		made := signer{name: kind, key: certificate.Marshal(), sign: func(data []byte) []byte { return signed(t, s, data) }}
		ca, _, _ := bytes.Cut(read(t, files["rsa2048"]+".pub"), []byte("\n"))
		for _, at := range []string{"20191231Z", "20240101Z", "20300101Z"} {
			questions = append(questions, question{name: "ssh-keygen's of " + kind + " at " + at, verifyTime: at,
				armored: newParts(made, "file", "sha512").armored(), signers: me + " cert-authority " + string(ca) + "\n"})
		}
	}
	return questions
}

func signed(t testing.TB, s ssh.Signer, data []byte) []byte {
	algorithm := ""
	if s.PublicKey().Type() == ssh.KeyAlgoRSA {
		algorithm = ssh.KeyAlgoRSASHA512
	}
	sig, err := s.(ssh.AlgorithmSigner).SignWithAlgorithm(nil, data, algorithm)
	if err != nil {
		t.Error(err)
	}
	return ssh.Marshal(sig)
}
