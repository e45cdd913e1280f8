package signatures

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
)

// keyQuestions are about each type of key, plain and certified, with each
// hash, signed and asked in each namespace, and listed in each way.
func keyQuestions(t *testing.T) (questions []question) {
	authority := newEd25519(t)
	other := newEd25519(t)
	for _, plain := range newSigners(t) {
		withCert := certified(plain, authority, newCertificate())
		for _, s := range []signer{plain, withCert} {
			listed := map[string]string{
				"listed": allow(s.key), "another listed": allow(other.key),
				"authority listed": allowCA(authority.key), "listed as authority": allowCA(plain.key),
				"authority listed as key": allow(authority.key), "its plain key listed": allow(plain.key),
			}
			for _, hash := range []string{"sha256", "sha512"} {
				for _, namespace := range []string{"file", "git", "ü @"} {
					p := newParts(s, namespace, hash)
					for how, signers := range listed {
						if namespace != "file" && how != "listed" {
							continue
						}
						questions = append(questions, question{
							name: fmt.Sprint(s.name, " ", hash, " ", namespace, " ", how), armored: p.armored(),
							signers: signers, namespace: namespace})
					}
					questions = append(questions,
						question{name: s.name + " asked in another namespace", armored: p.armored(),
							signers: allow(s.key), namespace: "other"},
						question{name: s.name + " of another file", armored: p.armored(),
							signers: allow(s.key), namespace: namespace, file: "another\n"},
						question{name: s.name + " for another identity", armored: p.armored(),
							signers: allow(s.key), namespace: namespace, identity: "you@example.com"})
				}
			}
		}
	}
	return questions
}

// blobQuestions are about the contents of each field.
func blobQuestions(t *testing.T) (questions []question) {
	s := newEd25519(t)
	ask := func(name string, change func(*parts)) {
		p := newParts(s, "file", "sha512")
		change(&p)
		questions = append(questions, question{name: name, armored: p.armored(), signers: allow(s.key)})
	}
	for _, version := range []uint32{0, 1, 2, 1 << 31} {
		ask(fmt.Sprint("version ", version), func(p *parts) { p.version = version })
	}
	ask("reserved is used", func(p *parts) { p.reserved = "something" })
	ask("trailing data", func(p *parts) { p.trailing = []byte{0} })
	ask("no signature", func(p *parts) { p.signature = nil })
	ask("signature with trailing data", func(p *parts) { p.signature = append(p.signature, 0) })
	ask("key with trailing data", func(p *parts) { p.key = append(p.key, 0) })
	ask("no key", func(p *parts) { p.key = nil })
	for _, hash := range []string{"", "sha1", "md5", "sha384", "SHA512", "sha256", "sha512,sha256", "sha512\x00", "sha\x00512"} {
		ask(fmt.Sprintf("hash %q", hash), func(p *parts) { p.hash = hash })
		ask(fmt.Sprintf("signed with hash %q", hash), func(p *parts) { *p = newParts(s, "file", hash) })
	}
	for _, namespace := range []string{"", "file\x00", "file\x00\x00", "\x00file", "fi\x00le", "FILE", "file ", "*", "fil?"} {
		ask(fmt.Sprintf("namespace %q", namespace), func(p *parts) { p.namespace = namespace })
		ask(fmt.Sprintf("signed with namespace %q", namespace), func(p *parts) { *p = newParts(s, namespace, "sha512") })
	}
	ask("the hash signed as if it were the file", func(p *parts) { p.signature = s.sign([]byte(content)) })
	ask("signed without the magic", func(p *parts) {
		p.signature = s.sign(signedData("file", "sha512", content)[len("SSHSIG"):])
	})
	questions = append(questions, keyNames(t)...)
	questions = append(questions, ed25519Questions(t)...)
	questions = append(questions, ecdsaQuestions(t)...)
	questions = append(questions, rsaQuestions(t)...)
	questions = append(questions, fidoQuestions(t)...)
	questions = append(questions, webauthnCertificates(t)...)
	return append(questions, compositeQuestions(t)...)
}

// keyNames are about the names of a key's type.
func keyNames(t *testing.T) (questions []question) {
	for _, s := range newSigners(t) {
		name, rest := cut(s.key)
		for _, alias := range []string{name + "\x00", strings.ToUpper(name), "rsa-sha2-256", "rsa-sha2-512",
			"webauthn-" + skECDSA, "ssh-dss", "ssh-mldsa-44", mldsaName, mldsaFirstName, "none", name + "-cert-v01@openssh.com", ""} {
			p := newParts(s, "file", "sha512")
			p.key = cat(str(alias), rest)
			q := question{name: fmt.Sprintf("%s called %q", s.name, alias), armored: p.armored(), signers: allow(s.key)}
			q2 := q
			q2.name += " in the list too"
			q2.signers = me + " " + strings.TrimSuffix(alias, "\x00") + " " + strings.Fields(keyText(p.key))[len(strings.Fields(keyText(p.key)))-1] + "\n"
			questions = append(questions, q, q2)
		}
		short := map[string]string{"ssh-ed25519": "ed25519", "ssh-rsa": "Rsa", skECDSA: "ecdsa-sk",
			"sk-ssh-ed25519@openssh.com": "ED25519-SK"}[name]
		p := newParts(s, "file", "sha512")
		p.key = cat(str(short), rest)
		questions = append(questions, question{name: s.name + " called " + short, armored: p.armored(),
			signers: allow(s.key)})
	}
	return questions
}

// format replaces the algorithm that a signature names.
func format(signature []byte, name string) []byte {
	_, rest := cut(signature)
	return cat(str(name), rest)
}

func ed25519Questions(t *testing.T) (questions []question) {
	s := newEd25519(t)
	ask := func(name string, change func(sig []byte) []byte) {
		p := newParts(s, "file", "sha512")
		_, rest := cut(p.signature)
		sig, _ := cut(rest)
		p.signature = cat(str("ssh-ed25519"), str(change([]byte(sig))))
		questions = append(questions, question{name: "ed25519 " + name, armored: p.armored(), signers: allow(s.key)})
	}
	ask("empty", func([]byte) []byte { return nil })
	ask("short", func(sig []byte) []byte { return sig[:63] })
	ask("long", func(sig []byte) []byte { return append(sig, 0) })
	ask("with its halves exchanged", func(sig []byte) []byte { return cat(sig[32:], sig[:32]) })
	ask("of zeros", func([]byte) []byte { return make([]byte, 64) })
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	ask("with the order added to s", func(sig []byte) []byte {
		little := bytes.Clone(sig[32:])
		reverse(little)
		sum := new(big.Int).Add(new(big.Int).SetBytes(little), order).FillBytes(make([]byte, 32))
		reverse(sum)
		return cat(sig[:32], sum)
	})
	p := newParts(s, "file", "sha512")
	for _, name := range []string{"ssh-ed25519\x00", "ssh-rsa", "", "sk-ssh-ed25519@openssh.com", "ssh-ed25519-cert-v01@openssh.com"} {
		q := p
		q.signature = format(p.signature, name)
		questions = append(questions, question{name: fmt.Sprintf("ed25519 signature called %q", name),
			armored: q.armored(), signers: allow(s.key)})
	}
	return questions
}

func reverse(data []byte) {
	for i, j := 0, len(data)-1; i < j; i, j = i+1, j-1 {
		data[i], data[j] = data[j], data[i]
	}
}

func ecdsaQuestions(t *testing.T) (questions []question) {
	s := newECDSA(t, elliptic.P256(), "nistp256", crypto.SHA256)
	order := elliptic.P256().Params().N
	ask := func(name string, change func(r, s *big.Int) []byte) {
		p := newParts(s, "file", "sha512")
		_, rest := cut(p.signature)
		sig, _ := cut(rest)
		first, second := cut([]byte(sig))
		last, _ := cut(second)
		p.signature = cat(str("ecdsa-sha2-nistp256"),
			str(change(new(big.Int).SetBytes([]byte(first)), new(big.Int).SetBytes([]byte(last)))))
		questions = append(questions, question{name: "ecdsa " + name, armored: p.armored(), signers: allow(s.key)})
	}
	zero := new(big.Int)
	ask("r of zero", func(r, s *big.Int) []byte { return cat(mpint(zero), mpint(s)) })
	ask("s of zero", func(r, s *big.Int) []byte { return cat(mpint(r), mpint(zero)) })
	ask("both zero", func(r, s *big.Int) []byte { return cat(mpint(zero), mpint(zero)) })
	ask("r plus the order", func(r, s *big.Int) []byte { return cat(mpint(r.Add(r, order)), mpint(s)) })
	ask("s plus the order", func(r, s *big.Int) []byte { return cat(mpint(r), mpint(s.Add(s, order))) })
	ask("the other s", func(r, s *big.Int) []byte { return cat(mpint(r), mpint(s.Sub(order, s))) })
	ask("negative r", func(r, s *big.Int) []byte { return cat(str(append([]byte{0xff}, r.Bytes()...)), mpint(s)) })
	ask("negative s", func(r, s *big.Int) []byte { return cat(mpint(r), str(append([]byte{0x80}, s.Bytes()...))) })
	for _, zeros := range []int{1, 40, 2000, 2010, 2016, 2017, 2100} {
		ask(fmt.Sprint(zeros, " leading zeros"), func(r, s *big.Int) []byte {
			return cat(str(append(make([]byte, zeros), r.FillBytes(make([]byte, 32))...)), mpint(s))
		})
	}
	ask("DER", func(r, s *big.Int) []byte {
		return cat([]byte{0x30, 68, 2, 32}, r.FillBytes(make([]byte, 32)), []byte{2, 32}, s.FillBytes(make([]byte, 32)))
	})
	ask("r alone", func(r, s *big.Int) []byte { return mpint(r) })
	ask("three numbers", func(r, s *big.Int) []byte { return cat(mpint(r), mpint(s), mpint(s)) })
	p := newParts(s, "file", "sha512")
	for _, name := range []string{"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp256\x00", skECDSA, "ecdsa"} {
		q := p
		q.signature = format(p.signature, name)
		questions = append(questions, question{name: fmt.Sprintf("ecdsa signature called %q", name),
			armored: q.armored(), signers: allow(s.key)})
	}
	return append(questions, ecdsaKeys(s)...)
}

// ecdsaKeys are about keys that are no points, or in another encoding.
func ecdsaKeys(s signer) (questions []question) {
	_, rest := cut(s.key)
	_, rest = cut(rest)
	point, _ := cut(rest)
	for name, key := range map[string][]byte{
		"compressed":      cat(str("ecdsa-sha2-nistp256"), str("nistp256"), str("\x02"+point[1:33])),
		"hybrid":          cat(str("ecdsa-sha2-nistp256"), str("nistp256"), str("\x06"+point[1:])),
		"infinity":        cat(str("ecdsa-sha2-nistp256"), str("nistp256"), str("\x00")),
		"off the curve":   cat(str("ecdsa-sha2-nistp256"), str("nistp256"), str(point[:64]+"\x00")),
		"another curve":   cat(str("ecdsa-sha2-nistp256"), str("nistp384"), str(point)),
		"another's name":  cat(str("ecdsa-sha2-nistp384"), str("nistp256"), str(point)),
		"NUL after curve": cat(str("ecdsa-sha2-nistp256"), str("nistp256\x00"), str(point)),
	} {
		p := newParts(s, "file", "sha512")
		p.key = key
		questions = append(questions,
			question{name: "ecdsa key " + name, armored: p.armored(), signers: allow(s.key)},
			question{name: "ecdsa key listed " + name, armored: newParts(s, "file", "sha512").armored(), signers: allow(key)})
	}
	return questions
}

func rsaQuestions(t *testing.T) (questions []question) {
	key := newRSAKey(t, 1024, 65537)
	data := signedData("file", "sha512", content)
	ask := func(name string, signature []byte) {
		p := newParts(key.signer("", "rsa-sha2-512"), "file", "sha512")
		p.signature = signature
		questions = append(questions, question{name: "rsa " + name, armored: p.armored(), signers: allow(key.blob())})
	}
	for _, named := range []string{"ssh-rsa", "rsa-sha2-256", "rsa-sha2-512", "rsa-sha2-512-cert-v01@openssh.com",
		"rsa-sha2-512\x00", "rsa-sha2-512,rsa-sha2-256", "ssh-rsa-cert-v01@openssh.com", ""} {
		for _, used := range []string{"ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"} {
			ask(fmt.Sprintf("%s called %q", used, named), cat(str(named), str(key.raw(used, data))))
		}
	}
	good := key.raw("rsa-sha2-512", data)
	ask("with a zero in front", cat(str("rsa-sha2-512"), str(append([]byte{0}, good...))))
	ask("cut", cat(str("rsa-sha2-512"), str(good[1:])))
	ask("empty", cat(str("rsa-sha2-512"), str("")))
	ask("of one", cat(str("rsa-sha2-512"), str("\x01")))
	ask("plus the modulus", cat(str("rsa-sha2-512"), str(new(big.Int).Add(new(big.Int).SetBytes(good), key.n).Bytes())))
	for i := 0; ; i++ { // until one begins with a zero, which may be left out
		p := newParts(key.signer("", "rsa-sha2-512"), fmt.Sprint("file", i), "sha512")
		short := key.raw("rsa-sha2-512", signedData(p.namespace, "sha512", content))
		if short[0] != 0 {
			continue
		}
		p.signature = cat(str("rsa-sha2-512"), str(short[1:]))
		questions = append(questions, question{name: "rsa short", armored: p.armored(), signers: allow(key.blob()), namespace: p.namespace})
		break
	}
	return append(questions, rsaKeys(t)...)
}

func rsaKeys(t *testing.T) (questions []question) {
	for _, bits := range []int{768, 1016, 1023, 1024, 1025, 1536, 4096} {
		s := newRSAKey(t, bits, 65537).signer(fmt.Sprint("rsa of ", bits, " bits"), "rsa-sha2-512")
		questions = append(questions, question{name: s.name, armored: newParts(s, "file", "sha512").armored(), signers: allow(s.key)})
	}
	for _, exponent := range []int64{3, 17, 257, 1<<24 - 3, 1<<24 + 43, 1<<32 + 15} {
		s := newRSAKey(t, 1024, exponent).signer(fmt.Sprint("rsa with exponent ", exponent), "rsa-sha2-512")
		questions = append(questions, question{name: s.name, armored: newParts(s, "file", "sha512").armored(), signers: allow(s.key)})
	}
	key := newRSAKey(t, 1024, 65537)
	p := newParts(key.signer("", "rsa-sha2-512"), "file", "sha512")
	padded := cat(str("ssh-rsa"), str(append(make([]byte, 3), key.e.Bytes()...)), str(append(make([]byte, 9), key.n.Bytes()...)))
	negative := cat(str("ssh-rsa"), mpint(key.e), str(key.n.Bytes()))
	for name, blob := range map[string][]byte{"zeros in front": padded, "negative": negative} {
		p.key = blob
		questions = append(questions,
			question{name: "rsa key with " + name, armored: p.armored(), signers: allow(key.blob())},
			question{name: "rsa key with " + name + " listed so", armored: p.armored(), signers: allow(blob)})
	}
	return questions
}

func fidoQuestions(t *testing.T) (questions []question) {
	ask := func(name string, s signer) {
		questions = append(questions, question{name: s.name + " " + name, armored: newParts(s, "file", "sha512").armored(), signers: allow(s.key)})
	}
	askAll := func(name string, tk token) {
		ask(name, newSKEd25519(t, tk))
		ask(name, newSKECDSA(t, tk))
		ask(name, newWebauthn(t, tk))
	}
	for _, flags := range []byte{0, 1, 4, 5, 0x40, 0x41, 0x80, 0x81, 0xc1, 0xff} {
		tk := newToken()
		tk.flags = flags
		askAll(fmt.Sprintf("flags %#x", flags), tk)
		tk.extensions = []byte{0xa0}
		ask(fmt.Sprintf("flags %#x and extensions", flags), newWebauthn(t, tk))
	}
	for _, counter := range []uint32{0, 1 << 31, 1<<32 - 1} {
		tk := newToken()
		tk.counter = counter
		askAll(fmt.Sprint("counter ", counter), tk)
	}
	for _, application := range []string{"", "ssh:example", "https://example.com", "ssh:\x00"} {
		tk := newToken()
		tk.application = application
		askAll(fmt.Sprintf("application %q", application), tk)
	}
	for name, client := range map[string]func(string) string{
		"of another ceremony": func(c string) string {
			return `{"type":"webauthn.create","challenge":"` + c + `","origin":"https://example.com"}`
		},
		"of another origin": func(c string) string {
			return `{"type":"webauthn.get","challenge":"` + c + `","origin":"https://example.org"}`
		},
		"with a padded challenge": func(c string) string {
			return `{"type":"webauthn.get","challenge":"` + c + `=","origin":"https://example.com"}`
		},
		"in another order": func(c string) string {
			return `{"challenge":"` + c + `","type":"webauthn.get","origin":"https://example.com"}`
		},
		"with blanks": func(c string) string {
			return `{ "type":"webauthn.get","challenge":"` + c + `","origin":"https://example.com"}`
		},
		"cut after the origin": func(c string) string {
			return `{"type":"webauthn.get","challenge":"` + c + `","origin":"https://example.com"`
		},
		"with anything after it": func(c string) string {
			return `{"type":"webauthn.get","challenge":"` + c + `","origin":"https://example.com"; rm`
		},
		"with a longer origin": func(c string) string {
			return `{"type":"webauthn.get","challenge":"` + c + `","origin":"https://example.com.evil"}`
		},
		"of another challenge": func(c string) string {
			return `{"type":"webauthn.get","challenge":"` + c[:8] + `","origin":"https://example.com"}`
		},
		"empty": func(c string) string { return "" },
	} {
		tk := newToken()
		tk.client = client
		ask(name, newWebauthn(t, tk))
	}
	for _, origin := range []string{"", `https://example.com","x":"`, "https://example.com\x00", "https://exam"} {
		tk := newToken()
		tk.origin = origin
		ask(fmt.Sprintf("origin %q", origin), newWebauthn(t, tk))
	}
	for _, s := range []signer{newSKEd25519(t, newToken()), newSKECDSA(t, newToken()), newWebauthn(t, newToken())} {
		p := newParts(s, "file", "sha512")
		for name, signature := range map[string][]byte{
			"without a trailer": p.signature[:len(p.signature)-5], "with more in its trailer": append(bytes.Clone(p.signature), 0),
			"called sk-ecdsa": format(p.signature, skECDSA), "called webauthn": format(p.signature, "webauthn-"+skECDSA), "called webauthn certificate": format(p.signature, webauthnCertificate),
			"called ecdsa": format(p.signature, "ecdsa-sha2-nistp256"), "called sk-ed25519": format(p.signature, "sk-ssh-ed25519@openssh.com"),
		} {
			changed := p
			changed.signature = signature
			questions = append(questions, question{name: s.name + " " + name, armored: changed.armored(), signers: allow(s.key)})
		}
	}
	return questions
}

// webauthnCertificates are about the certificate of a token that is asked by a
// browser, and the names that it and its signature may have.
func webauthnCertificates(t *testing.T) (questions []question) {
	authority := newEd25519(t)
	const signed = "webauthn-" + skECDSA
	for _, name := range []string{"", signed, webauthnCertificate} {
		for _, algorithm := range []string{skECDSA, signed, webauthnCertificate, "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com"} {
			for _, token := range []signer{newWebauthn(t, newToken()), newSKECDSA(t, newToken())} {
				c := newCertificate()
				c.name = name
				s := certified(token, authority, c)
				p := newParts(s, "file", "sha512")
				p.signature = format(p.signature, algorithm)
				for _, signers := range []string{allowCA(authority.key), allow(s.key)} {
					questions = append(questions, question{name: fmt.Sprintf("%s called %q, signature %q", s.name, name, algorithm),
						armored: p.armored(), signers: signers})
				}
			}
		}
	}
	return questions
}

// compositeQuestions are about the halves of a signature by ML-DSA-44 and
// Ed25519, both of which must be good.
func compositeQuestions(t *testing.T) (questions []question) {
	const half = 2420 // the size of the ML-DSA signature
	for _, name := range []string{mldsaName, mldsaFirstName} {
		s, other := newComposite(t, name), newComposite(t, name)
		p := newParts(s, "file", "sha512")
		ask := func(name string, key, signature []byte) {
			changed := p
			changed.key, changed.signature = key, signature
			questions = append(questions, question{name: s.name + " " + name, armored: changed.armored(), signers: allow(key)})
		}
		_, rest := cut(p.signature)
		made, _ := cut(rest)
		_, rest = cut(other.sign(signedData("file", "sha512", content)))
		others, _ := cut(rest)
		_, encoded := cut(s.key)
		public, _ := cut(encoded)
		for how, signature := range map[string]string{
			"as it is": made, "first half of another key": others[:half] + made[half:], "second half of another key": made[:half] + others[half:],
			"of another key": others, "first half alone": made[:half], "second half alone": made[half:], "halves exchanged": made[half:] + made[:half],
			"first half of zeros": string(make([]byte, half)) + made[half:], "second half of zeros": made[:half] + string(make([]byte, 64)),
			"short": made[:half+63], "long": made + "\x00", "empty": "",
		} {
			ask(how, s.key, cat(str(name), str(signature)))
		}
		for _, called := range []string{mldsaName, mldsaFirstName, mldsaName + "-cert", "ssh-ed25519", "ssh-mldsa-44", ""} {
			ask(fmt.Sprintf("called %q", called), s.key, cat(str(called), str(made)))
			ask(fmt.Sprintf("key and signature called %q", called), cat(str(called), str(public)), cat(str(called), str(made)))
		}
		ask("key short", cat(str(name), str(public[1:])), p.signature)
		ask("key long", cat(str(name), str(public+"\x00")), p.signature)
		for i := 0; i < len(made); i += 97 {
			changed := []byte(made)
			changed[i] ^= 1 << (i % 8)
			ask(fmt.Sprint("byte ", i), s.key, cat(str(name), str(changed)))
		}
	}
	return questions
}

// damagedBlobs change a bit of each byte, and cut the blob at each.
func damagedBlobs(t *testing.T) (questions []question) {
	authority := newEd25519(t)
	signers := newSigners(t)
	damaged := []signer{signers[0], signers[1], signers[4], signers[9],
		certified(signers[0], authority, newCertificate())}
	for _, s := range damaged {
		allowed := allow(s.key) + allowCA(authority.key)
		blob := newParts(s, "file", "sha512").blob()
		for i := range blob {
			changed := bytes.Clone(blob)
			changed[i] ^= 1 << (i % 8)
			questions = append(questions, question{name: fmt.Sprint(s.name, " byte ", i), armored: armor(changed), signers: allowed})
		}
		for i := 0; i < len(blob); i += 3 {
			questions = append(questions, question{name: fmt.Sprint(s.name, " cut at ", i), armored: armor(blob[:i]), signers: allowed})
		}
	}
	return questions
}

// madeHere are signatures of internal/openssh/sshsig, which ssh-keygen must
// accept.
func madeHere(t *testing.T) (questions []question) {
	for kind, private := range privateKeys(t, machine(t)) {
		for _, hash := range []sshsig.Hash{sshsig.SHA256, sshsig.SHA512} {
			for _, namespace := range []string{"file", "git", "ü @"} {
				questions = append(questions, question{name: fmt.Sprint(kind, " ", hash, " ", namespace),
					armored: signHere(t, private, namespace, hash), signers: me + " " + string(read(t, private+".pub")), namespace: namespace})
			}
		}
	}
	return questions
}
