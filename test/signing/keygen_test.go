package signing

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/testing/testagent"
)

// Ed25519 and RSA signatures are deterministic, so exactly one is right.
func TestSignaturesAreThoseOfSSHKeygenByteForByte(t *testing.T) {
	namespaces := []string{"file", "git", "a space and \"quotes\"", "naïve", strings.Repeat("n", 1023)}
	sizes := []int{0, 1, 55, 56, 64, 127, 128, 4096, 1<<20 + 1}
	compared := 0
	for name, arguments := range map[string][]string{
		"ed25519":  {"-t", "ed25519"},
		"rsa-2048": {"-t", "rsa", "-b", "2048"},
		"rsa-2056": {"-t", "rsa", "-b", "2056"},
		"rsa-3072": {"-t", "rsa", "-b", "3072"},
	} {
		b := newBench(t)
		b.keygen("key", arguments...)
		for _, namespace := range namespaces {
			for _, size := range sizes {
				b.write("file", bytes.Repeat([]byte{byte(size)}, size))
				b.run("rm", "-f", "file.sig")
				b.run("ssh-keygen", "-q", "-Y", "sign", "-f", "key", "-n", namespace, "file")
				want := b.read("file.sig")
				b.run("hapgent-sign", "-f", "key", "-n", namespace, "--force", "file")
				if got := b.read("file.sig"); !bytes.Equal(got, want) {
					t.Errorf("%s, namespace %q, %d bytes:\n%s\nssh-keygen has\n%s", name, namespace, size, got, want)
				}
				compared++
			}
		}
	}
	t.Logf("%d signatures are the same", compared)
}

// ssh-keygen makes and takes these.
func TestAttackShortRSAKeySignsNothing(t *testing.T) {
	b := newBench(t)
	b.keygen("key", "-t", "rsa", "-b", "1024")
	b.write("file", []byte("contents"))
	said := b.fails(2, "hapgent-sign", "-f", "key", "file")
	if !strings.Contains(said, "an RSA key of 1024 bits is too weak to sign with, expected at least 2048") {
		t.Error(said)
	}
}

func TestSSHKeygenVerifiesEveryTypeOfKey(t *testing.T) {
	for _, kind := range []string{"ed25519", "rsa", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521"} {
		for _, certified := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/certified=%v", kind, certified), func(t *testing.T) {
				b := newBench(t)
				b.write("file", []byte("contents\n"))
				b.keygen("key", append([]string{"-t"}, strings.Fields(kind)...)...)
				if !certified {
					b.run("hapgent-sign", "-f", "key", "file")
					b.verified("file", "key.pub", "file")
					return
				}
				b.keygen("ca", "-t", "ed25519")
				b.run("ssh-keygen", "-q", "-s", "ca", "-I", "id", "-n", "me@example.org", "key.pub")
				b.run("hapgent-sign", "-f", "key-cert.pub", "-n", "git", "file")
				b.write("signers", append([]byte("*@example.org cert-authority "), b.read("ca.pub")...))
				b.verifiedBy("signers", "file", "git")
			})
		}
	}
}

func TestSSHKeygenVerifiesFIDOTokens(t *testing.T) {
	for name, create := range map[string]func() (*testagent.Token, error){
		"ed25519-sk": testagent.NewEd25519Token,
		"ecdsa-sk":   testagent.NewECDSAToken,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			token, err := create()
			if err != nil {
				t.Fatal(err)
			}
			a := testagent.New("")
			a.AddToken(token)
			b.agent(a)
			b.write("file", []byte("contents\n"))
			b.write("key.pub", authorized(token.PublicKey()))
			b.run("hapgent-sign", "-f", "key.pub", "file")
			b.verified("file", "key.pub", "file")
		})
	}
}

func TestSSHKeygenVerifiesKeysOfAService(t *testing.T) {
	for _, kind := range []string{"ed25519", "rsa -b 2048", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521"} {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t)
			b.write("file", []byte("contents\n"))
			b.keygen("key", append([]string{"-t"}, strings.Fields(kind)...)...)
			b.toPKCS8("key")
			ref := "hapgenttest://" + b.path("key")
			b.write("key.pub", []byte(b.run("hapgent-sign", "-f", ref, "--public-key")))
			b.run("hapgent-sign", "-f", ref, "file")
			b.verified("file", "key.pub", "file")
		})
	}
}

// toPKCS8 converts a key to the form of the tests' service.
func (b *bench) toPKCS8(name string) {
	b.Helper()
	private, err := parsePrivate(b.read(name))
	if err != nil {
		b.Fatal(err)
	}
	b.write(name, private)
}

// formats are those that ssh-keygen writes, and why one is refused.
var formats = []struct{ kind, format, cipher, refused string }{
	{"ed25519", "RFC4716", "aes256-ctr", ""},
	{"ed25519", "RFC4716", "aes256-cbc", ""},
	{"ed25519", "RFC4716", "aes128-ctr", `unknown cipher "aes128-ctr"`},
	{"ed25519", "RFC4716", "chacha20-poly1305@openssh.com", `unknown cipher "chacha20-poly1305@openssh.com"`},
	{"rsa", "PEM", "", ""},
	{"rsa", "PKCS8", "", `unsupported key type "ENCRYPTED PRIVATE KEY"`},
	{"ecdsa", "PEM", "", ""},
	{"ecdsa", "PKCS8", "", `unsupported key type "ENCRYPTED PRIVATE KEY"`},
}

func TestKeysOfEveryFormatOfSSHKeygen(t *testing.T) {
	for _, tt := range formats {
		t.Run(tt.kind+" "+tt.format+" "+tt.cipher, func(t *testing.T) {
			b := newBench(t)
			b.write("file", []byte("contents\n"))
			arguments := []string{"-t", tt.kind, "-m", tt.format}
			b.keygen("open", arguments...)
			b.run("hapgent-sign", "-f", "open", "file")
			b.verified("file", "open.pub", "file")

			if tt.cipher != "" {
				arguments = append(arguments, "-Z", tt.cipher)
			}
			b.keygen("key", append(arguments, "-N", "secret")...)
			b.answers("secret")
			if tt.refused == "" {
				b.run("hapgent-sign", "-f", "key", "--force", "file")
				b.verified("file", "key.pub", "file")
				return
			}
			out := b.fails(2, "hapgent-sign", "-f", "key", "--force", "file")
			if !strings.Contains(out, tt.refused) || !strings.Contains(out, "ssh-keygen -p -f KEY") {
				t.Errorf("says %s, want %s and what to do", out, tt.refused)
			}
			b.verified("file", "open.pub", "file")
			// What the error says to do is right.
			b.run("ssh-keygen", "-q", "-p", "-P", "secret", "-N", "secret", "-f", "key")
			b.run("hapgent-sign", "-f", "key", "--force", "file")
			b.verified("file", "key.pub", "file")
		})
	}
}

// answers makes a program that answers when a passphrase is asked for.
func (b *bench) answers(passphrase string) {
	b.Helper()
	b.write("askpass", []byte("#!/bin/sh\necho "+passphrase+"\n"))
	b.run("chmod", "+x", "askpass")
	b.env = append(b.env, "SSH_ASKPASS="+b.path("askpass"), "SSH_ASKPASS_REQUIRE=force")
}

// The rule by which a key is refused is that of ssh-keygen.
func TestKeysThatOthersCanReadAreRefusedAsBySSHKeygen(t *testing.T) {
	b := newBench(t)
	b.write("file", []byte("contents\n"))
	b.keygen("key", "-t", "ed25519")
	for _, mode := range []string{"600", "400", "700", "640", "604", "610", "601", "620", "602", "666"} {
		b.run("chmod", mode, "key")
		b.run("rm", "-f", "file.sig")
		theirs := b.command("ssh-keygen", "-q", "-Y", "sign", "-f", "key", "-n", "file", "file").Run()
		ours := b.command("hapgent-sign", "-f", "key", "--force", "file").Run()
		if (ours == nil) != (theirs == nil) {
			t.Errorf("mode %s: %v, ssh-keygen: %v", mode, ours, theirs)
		}
	}
}
