package signatures

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
)

// The parts of a KRL (PROTOCOL.krl).
func krl(sections ...[]byte) []byte { return krlVersion(1, sections...) }

func krlVersion(version uint32, sections ...[]byte) []byte {
	return cat([]byte("SSHKRL\n\x00"), u32(version), u64(1), u64(2), u64(0), str(""), str("comment"), cat(sections...))
}

func section(kind byte, parts ...[]byte) []byte { return cat([]byte{kind}, str(cat(parts...))) }

func revokedCertificates(authority []byte, parts ...[]byte) []byte {
	return section(1, str(authority), str(""), cat(parts...))
}

// revocationQuestions ask each list about a key, its certificate, and the
// authority of that.
func revocationQuestions(t *testing.T) (questions []question) {
	plain, authority, other := newEd25519(t), newEd25519(t), newEd25519(t)
	withCert := certified(plain, authority, newCertificate())
	noSerial := newCertificate()
	noSerial.serial = 0
	postQuantum := newComposite(t, mldsaName)
	lists := revocationLists(plain.key, authority.key, other.key, withCert.key, postQuantum.key)
	lists["KRL signed"] = signedKRL(other)
	for name, list := range madeKRLs(t, plain, authority, withCert) {
		lists[name] = list
	}
	for name, list := range lists {
		for _, s := range []signer{plain, withCert, certified(plain, authority, noSerial), other} {
			q := question{name: s.name + " " + name, armored: newParts(s, "file", "sha512").armored(), revocation: list,
				signers: allow(plain.key) + allowCA(authority.key)}
			if bytes.Equal(s.key, other.key) {
				q.name, q.signers = "other "+name, allow(other.key)
			}
			questions = append(questions, q)
		}
	}
	return questions
}

func revocationLists(plain, authority, other, cert, postQuantum []byte) map[string][]byte {
	sum1, sum256 := sha1.Sum(plain), sha256.Sum256(plain)
	caSum := sha256.Sum256(authority)
	key, ca, others := keyText(plain)+"\n", keyText(authority)+"\n", keyText(other)+"\n"
	bitmap := func(first uint64, bits ...int) []byte {
		n := new(big.Int)
		for _, bit := range bits {
			n.SetBit(n, bit, 1)
		}
		return section(0x22, u64(first), mpint(n))
	}
	sized := func(size int) []byte { // a bitmap with its highest bit set
		return section(0x22, u64(1), mpint(new(big.Int).Lsh(big.NewInt(1), uint(size-1))))
	}
	lists := map[string][]byte{
		"empty": {}, "empty lines": []byte("\n\n"), "comments": []byte("# none\n  # none\n"), "CRLF line": []byte("\r\n"),
		"key": []byte(key), "key without newline": []byte(key[:len(key)-1]), "key CRLF": []byte(key[:len(key)-1] + "\r\n"), "authority": []byte(ca),
		"others": []byte(others), "others and key": []byte(others + key), "certificate": []byte(keyText(cert) + "\n"), "indented": []byte(" \t" + key), "commented": []byte("#" + key),
		"with a comment": []byte(key[:len(key)-1] + " a comment\n"), "with options": []byte("restrict " + key), "with a principal": []byte(me + " " + key),
		"garbage": []byte("garbage\n"), "key and garbage": []byte(key + "garbage\n"), "garbage and key": []byte("garbage\n" + key), "others and garbage": []byte(others + "garbage\n"),
		"fingerprint": []byte("SHA256:" + base64.RawStdEncoding.EncodeToString(sum256[:]) + "\n"), "a NUL line": []byte("\x00garbage\n" + others), "binary": {0x7f, 'E', 'L', 'F'},
		"a key of an unknown type": []byte(keyText(cat(str("ssh-future"), str("x"))) + "\n"), "others and a key of an unknown type": []byte(others + keyText(cat(str("ssh-future"), str("x"))) + "\n"),
		"a post-quantum key": []byte(keyText(postQuantum) + "\n"), "a post-quantum key and key": []byte(keyText(postQuantum) + "\n" + key), "KRL post-quantum key": krl(section(2, str(postQuantum))),
		"a short RSA key": []byte(keyText(cat(str("ssh-rsa"), str("\x03"), str(bytes.Repeat([]byte{0x7f}, 96)))) + "\n" + others),
		"cut magic":       []byte("SSHKRL\n"), "another magic": []byte("SSHKRL\x00\n1234567890"), "magic alone": []byte("SSHKRL\n\x00"),

		"KRL empty": krl(), "KRL version 0": krlVersion(0), "KRL version 2": krlVersion(2), "KRL with a byte more": append(krl(), 0),
		"KRL key": krl(section(2, str(plain))), "KRL authority": krl(section(2, str(authority))), "KRL others": krl(section(2, str(other))),
		"KRL certificate as key": krl(section(2, str(cert))), "KRL two keys": krl(section(2, str(other), str(plain))), "KRL two sections": krl(section(2, str(other)), section(2, str(plain))),
		"KRL key cut": krl(section(2, str(plain)[:20])), "KRL key and unknown section": krl(section(2, str(plain)), section(9)), "KRL unknown section": krl(section(9)), "KRL garbage as key": krl(section(2, str("garbage"))),
		"KRL SHA-1": krl(section(3, str(sum1[:]))), "KRL SHA-1 too long": krl(section(3, str(sum256[:]))), "KRL SHA-1 empty": krl(section(3)), "KRL SHA-1 of others": krl(section(3, str(sha1Of(other)))),
		"KRL SHA-256": krl(section(5, str(sum256[:]))), "KRL SHA-256 too short": krl(section(5, str(sum1[:]))), "KRL SHA-256 of authority": krl(section(5, str(caSum[:]))), "KRL SHA-256 of others": krl(section(5, str(sha256Of(other)))),
		"KRL signed by nobody": krl(section(4, other)), "KRL extension": krl(section(255, str("an extension"), []byte{0}, str(""))), "KRL critical extension": krl(section(255, str("x"), []byte{1}, str(""))),
	}
	for who, by := range map[string][]byte{"its authority": authority, "any": nil, "another": other, "a certificate": cert, "garbage": []byte("x")} {
		for name, part := range map[string][]byte{
			"nothing": nil, "serial": section(0x20, u64(42)), "serials": section(0x20, u64(1), u64(42), u64(99)), "other serials": section(0x20, u64(41), u64(43)),
			"serial 0": section(0x20, u64(0)), "serial cut": section(0x20, u64(42)[:7]), "serial and a half": section(0x20, u64(42), []byte{0}), "no serials": section(0x20),
			"range": section(0x21, u64(40), u64(50)), "range of one": section(0x21, u64(42), u64(42)), "range from it": section(0x21, u64(42), u64(1<<63)), "range to it": section(0x21, u64(0), u64(42)),
			"range below": section(0x21, u64(1), u64(41)), "range above": section(0x21, u64(43), u64(1<<64-1)), "range backwards": section(0x21, u64(50), u64(40)), "range of zero": section(0x21, u64(0), u64(0)), "range of all": section(0x21, u64(0), u64(1<<64-1)),
			"range with more": section(0x21, u64(1), u64(2), u64(42)), "range cut": section(0x21, u64(1)),
			"bitmap": bitmap(40, 0, 2), "bitmap at its first": bitmap(42, 0), "bitmap without it": bitmap(40, 0, 1, 3), "bitmap empty": bitmap(42), "bitmap to the last": bitmap(1<<64-3, 0, 2), "bitmap over the last": bitmap(1<<64-3, 3),
			"bitmap from zero": bitmap(0, 42), "bitmap with zero": bitmap(0, 0, 42), "bitmap with more": cat([]byte{0x22}, str(cat(u64(40), mpint(big.NewInt(4)), []byte{0}))), "bitmap negative": section(0x22, u64(40), str("\x84")),
			"bitmap of 16384 bits": sized(16384), "bitmap of 16392 bits": sized(16392), "bitmap with leading zeros": section(0x22, u64(40), str("\x00\x00\x04")),
			"id": section(0x23, str("an id")), "ids": section(0x23, str("x"), str("an id")), "another id": section(0x23, str("an ID")), "id with NUL at its end": section(0x23, str("an id\x00")), "id with NUL": section(0x23, str("an\x00id")), "id empty": section(0x23, str("")),
			"unknown": section(0x24), "unknown after serial": cat(section(0x20, u64(42)), section(0x24)), "extension of it": section(0x39, str("an extension"), []byte{0}, str("")), "critical extension": section(0x39, str("x"), []byte{1}, str("")),
		} {
			if who == "garbage" && name == "extension of it" {
				part = nil // is refused for its authority, by all versions
			}
			lists["KRL by "+who+" "+name] = krl(revokedCertificates(by, part))
		}
	}
	return lists
}

// signedKRL has a signature of its own, over everything in front of it.
func signedKRL(s signer) []byte {
	list := cat(krl(), section(4, s.key))
	return cat(list, str(s.sign(list)))
}

func sha1Of(data []byte) []byte { sum := sha1.Sum(data); return sum[:] }

func sha256Of(data []byte) []byte { sum := sha256.Sum256(data); return sum[:] }

// madeKRLs are lists that ssh-keygen made.
func madeKRLs(t *testing.T, plain, authority, withCert signer) map[string][]byte {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca := write("ca.pub", keyText(authority.key)+"\n")
	lists := map[string][]byte{}
	for name, spec := range map[string]string{
		"serial": "serial: 42", "serials": "serial: 1\nserial: 40-50\nserial: 99\nserial: 101\nserial: 103", "others": "serial: 43-100\nserial: 7", "id": "id: an id",
		"key": "key: " + keyText(plain.key), "sha1": "sha1: " + keyText(plain.key), "sha256": "sha256: " + keyText(plain.key), "many serials": manySerials(),
	} {
		for _, by := range []string{ca, "none"} {
			args := []string{"-q", "-k", "-s", by, "-f", filepath.Join(dir, "krl"), write("spec", spec+"\n")}
			machine(t).keygen(t, "", args...)
			lists[fmt.Sprint("made by ssh-keygen of ", name, " ", by == "none")] = read(t, filepath.Join(dir, "krl"))
		}
	}
	machine(t).keygen(t, "", "-q", "-k", "-f", filepath.Join(dir, "krl"), write("cert.pub", keyText(withCert.key)+"\n"))
	lists["made by ssh-keygen of the certificate"] = read(t, filepath.Join(dir, "krl"))
	return lists
}

func manySerials() (spec string) {
	for n := 2; n < 600; n += 1 + n%5 {
		spec += fmt.Sprintln("serial:", n)
	}
	return spec
}

// damagedKRLs change each byte of lists that revoke something else.
func damagedKRLs(t *testing.T) (questions []question) {
	plain, authority, other := newEd25519(t), newEd25519(t), newEd25519(t)
	s := certified(plain, authority, newCertificate())
	armored := newParts(s, "file", "sha512").armored()
	list := krl(section(2, str(other.key)), section(3, str(sha1Of(other.key))), section(5, str(sha256Of(other.key))),
		revokedCertificates(authority.key, section(0x20, u64(7)), section(0x21, u64(50), u64(60)),
			section(0x22, u64(32), str("\x01\x00")), section(0x23, str("x"))),
		revokedCertificates(nil, section(0x20, u64(41))))
	for i := range list {
		changed := bytes.Clone(list)
		changed[i] ^= 1 << (i % 8)
		questions = append(questions,
			question{name: fmt.Sprint("byte ", i), armored: armored, revocation: changed, signers: allowCA(authority.key)},
			question{name: fmt.Sprint("cut at ", i), armored: armored, revocation: list[:i], signers: allowCA(authority.key)})
	}
	return questions
}
