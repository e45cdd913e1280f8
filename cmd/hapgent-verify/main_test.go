package main

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/artifact/sigstore"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/composite"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
	"github.com/epicfilemcnulty/hapgent/internal/testing/script"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hapgent-verify": main})
}

// TestScripts runs testdata. Scripts that begin with attack are named after
// the attack.
//
// Besides the usual commands there are:
//
//	key NAME...                      writes NAME.pub
//	certify CA NAME PRINCIPAL...     writes NAME-cert.pub, which sign then uses
//	sign [-n NS] [-h HASH] NAME FILE writes FILE.sig by the key NAME
//	sum FILE                         writes FILE.sha256
//	allow LIST PRINCIPALS [OPTIONS] NAME  adds a line to LIST
//	bundle NAME FILE                 writes FILE.sigstore.json and NAME.pem
//	exits N COMMAND...               runs a command, which must end with N
//	krl NAME LIST                    writes a KRL with the SHA-1 fingerprint of a key
//
// All are run twice, the second time with Go's cryptography for FIPS 140.
func TestScripts(t *testing.T) {
	for _, fips := range []string{"off", "on"} {
		t.Run("fips140="+fips, func(t *testing.T) { testScripts(t, "fips140="+fips) })
	}
}

func testScripts(t *testing.T, debug string) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GODEBUG", debug)
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("TZ", "UTC")
			return os.Mkdir(filepath.Join(env.WorkDir, "home"), 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"key": scriptKey, "certify": scriptCertify, "sign": scriptSign,
			"sum": scriptSum, "allow": scriptAllow, "exits": script.Exits, "escapes": scriptEscapes,
			"bundle": scriptBundle, "krl": scriptKRL,
		},
	})
}

// seeded is the private key of a name: always the same.
func seeded(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// key is that key as a signer, with its certificate if there is one. The one
// called mldsa is of ML-DSA-44 and Ed25519.
func key(ts *testscript.TestScript, name string) ssh.Signer {
	if name == "mldsa" {
		s, err := composite.NewPrivateKey(composite.Name, seeded(name))
		ts.Check(err)
		return s
	}
	s, err := ssh.NewSignerFromKey(seeded(name))
	ts.Check(err)
	certificate, err := os.ReadFile(ts.MkAbs(name + "-cert.pub"))
	if err != nil {
		return s
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(certificate)
	ts.Check(err)
	s, err = ssh.NewCertSigner(public.(*ssh.Certificate), s)
	ts.Check(err)
	return s
}

func scriptKey(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		line := ssh.MarshalAuthorizedKey(key(ts, name).PublicKey())
		ts.Check(os.WriteFile(ts.MkAbs(name+".pub"), line, 0o600))
	}
}

func scriptCertify(ts *testscript.TestScript, _ bool, args []string) {
	ca, name := args[0], args[1]
	c := &ssh.Certificate{Key: key(ts, name).PublicKey(), CertType: ssh.UserCert, KeyId: "id of " + name,
		Serial: 7, ValidPrincipals: args[2:], ValidBefore: uint64(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).Unix())}
	ts.Check(c.SignCert(rand.Reader, key(ts, ca)))
	ts.Check(os.WriteFile(ts.MkAbs(name+"-cert.pub"), ssh.MarshalAuthorizedKey(c), 0o600))
}

func scriptSign(ts *testscript.TestScript, _ bool, args []string) {
	flags := flag.NewFlagSet("sign", flag.ContinueOnError)
	namespace := flags.String("n", "file", "")
	hash := flags.String("h", "sha512", "")
	ts.Check(flags.Parse(args))
	file := ts.MkAbs(flags.Arg(1))
	data, err := os.Open(file)
	ts.Check(err)
	defer data.Close()
	digest, err := sshsig.Hash(*hash).Digest(data)
	ts.Check(err)
	sig, err := sshsig.Sign(key(ts, flags.Arg(0)), *namespace, sshsig.Hash(*hash), digest)
	ts.Check(err)
	ts.Check(os.WriteFile(file+sshsig.Suffix, sig.Armor(), 0o600))
}

func scriptSum(ts *testscript.TestScript, _ bool, args []string) {
	line := checksum.Sum{Digest: sha256.Sum256([]byte(ts.ReadFile(args[0]))), Name: filepath.Base(args[0])}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+checksum.Suffix), []byte(line.String()), 0o600))
}

func scriptAllow(ts *testscript.TestScript, _ bool, args []string) {
	fields := slices.Clone(args[1:])
	name := fields[len(fields)-1]
	fields[len(fields)-1] = string(ssh.MarshalAuthorizedKey(key(ts, name).PublicKey()))
	list, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = list.WriteString(strings.Join(fields, " "))
	ts.Check(err)
	ts.Check(list.Close())
}

// scriptEscapes writes files whose names have control characters in them,
// which a script cannot name: NAME, and NAME.sig from another signature.
func scriptEscapes(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs("a\n\x1b[2JGood")
	for suffix, from := range map[string]string{"": args[0], sshsig.Suffix: args[1]} {
		ts.Check(os.WriteFile(name+suffix, []byte(ts.ReadFile(from)), 0o600))
	}
	ts.Setenv("ESCAPES", name)
}

func scriptBundle(ts *testscript.TestScript, _ bool, args []string) {
	private := seeded(args[0])
	data := []byte(ts.ReadFile(args[1]))
	digest := sha256.Sum256(data)
	made, err := sigstore.New(private.Public(), crypto.SHA256, digest[:], ed25519.Sign(private, data))
	ts.Check(err)
	text, err := made.MarshalText()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+".sigstore.json"), text, 0o600))
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	ts.Check(err)
	block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".pem"), block, 0o600))
}

// scriptKRL writes what PROTOCOL.krl calls KRL_SECTION_FINGERPRINT_SHA1.
func scriptKRL(ts *testscript.TestScript, _ bool, args []string) {
	sum := sha1.Sum(key(ts, args[0]).PublicKey().Marshal())
	header := ssh.Marshal(struct {
		Version             uint32
		Number, Date, Flags uint64
		Reserved, Comment   string
		Section             byte
		Fingerprints        []byte
	}{Version: 1, Section: 3, Fingerprints: ssh.Marshal(struct{ Sum []byte }{sum[:]})})
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), append([]byte("SSHKRL\n\x00"), header...), 0o600))
}

// TestUsageFits keeps the usage within 80 columns.
func TestUsageFits(t *testing.T) {
	for line := range strings.Lines(usage) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}
