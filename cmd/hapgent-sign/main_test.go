package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
	"github.com/epicfilemcnulty/hapgent/internal/testing/script"
	"github.com/epicfilemcnulty/hapgent/internal/testing/testagent"
	"github.com/epicfilemcnulty/hapgent/internal/testing/testkms"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"hapgent-sign":             main,
		"sigstore-kms-hapgenttest": func() { os.Exit(testkms.Main()) },
	})
}

// Every script is run twice, the second time with Go's cryptography for FIPS 140.
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
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("SSH_AUTH_SOCK", "")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"genkey":   genkey,
			"gentoken": gentoken,
			"gencert":  gencert,
			"agent":    startAgent,
			"verify":   verify,
			"exits":    script.Exits,
		},
	})
}

// privateKeys and tokens are those that the scripts made, by file.
var privateKeys, tokens sync.Map

// genkey FILE TYPE [PASSPHRASE] makes a key pair: FILE in OpenSSH's format,
// FILE.pub, and FILE.pem in PKCS #8, which is all that a P-224 key has.
func genkey(ts *testscript.TestScript, _ bool, args []string) {
	private, err := newKey(args[1])
	ts.Check(err)
	path := ts.MkAbs(args[0])
	der, err := x509.MarshalPKCS8PrivateKey(private)
	ts.Check(err)
	ts.Check(os.WriteFile(path+".pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	if args[1] == "p224" {
		return
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if len(args) > 2 {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(args[2]))
	}
	ts.Check(err)
	ts.Check(os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	public, err := ssh.NewPublicKey(private.Public())
	ts.Check(err)
	ts.Check(os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(public), 0o644))
	privateKeys.Store(path, private)
}

func newKey(kind string) (crypto.Signer, error) {
	switch kind {
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case "rsa":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "p224":
		return ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	case "p256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "p521":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	}
	return nil, fmt.Errorf("unknown type of key %q", kind)
}

// gentoken FILE TYPE makes a FIDO token: FILE.pub, and FILE, which as that of
// ssh-keygen has the public key in the clear and else only a handle.
func gentoken(ts *testscript.TestScript, _ bool, args []string) {
	made := map[string]func() (*testagent.Token, error){
		"ed25519": testagent.NewEd25519Token,
		"ecdsa":   testagent.NewECDSAToken,
	}
	token, err := made[args[1]]()
	ts.Check(err)
	path := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(token.PublicKey()), 0o644))
	ts.Check(os.WriteFile(path, handleFile(token.PublicKey()), 0o600))
	tokens.Store(path+".pub", token)
}

func handleFile(public ssh.PublicKey) []byte {
	body := ssh.Marshal(struct {
		Cipher, KDF, Options string
		Keys                 uint32
		Public, Private      []byte
	}{"none", "none", "", 1, public.Marshal(), ssh.Marshal(struct {
		Check1, Check2 uint32
		Type           string
	}{1, 1, public.Type()})})
	return pem.EncodeToMemory(&pem.Block{
		Type:  "OPENSSH PRIVATE KEY",
		Bytes: append([]byte("openssh-key-v1\x00"), body...),
	})
}

// gencert FILE CA makes FILE-cert.pub, a certificate of the key in FILE by CA.
func gencert(ts *testscript.TestScript, _ bool, args []string) {
	path, ca := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	authority, err := ssh.NewSignerFromKey(privateKey(ts, ca))
	ts.Check(err)
	certificate := &ssh.Certificate{
		Key:             readPublicKey(ts, path+".pub"),
		CertType:        ssh.UserCert,
		ValidPrincipals: []string{"me@example.org"},
		ValidBefore:     ssh.CertTimeInfinity,
	}
	ts.Check(certificate.SignCert(rand.Reader, authority))
	ts.Check(os.WriteFile(path+"-cert.pub", ssh.MarshalAuthorizedKey(certificate), 0o644))
}

// agent SOCKET FAULT [FILE...] serves an agent with the keys in the files:
// private keys, certificates ("-cert.pub" beside a private key) and tokens.
func startAgent(ts *testscript.TestScript, _ bool, args []string) {
	fault := args[1]
	if fault == "good" {
		fault = ""
	}
	a := testagent.New(fault)
	for _, name := range args[2:] {
		path := ts.MkAbs(name)
		if token, ok := tokens.Load(path); ok {
			a.AddToken(token.(*testagent.Token))
			continue
		}
		private, isCert := strings.CutSuffix(path, "-cert.pub")
		var certificate *ssh.Certificate
		if isCert {
			certificate = readPublicKey(ts, path).(*ssh.Certificate)
		}
		ts.Check(a.AddKey(privateKey(ts, private), certificate))
	}
	socket := ts.MkAbs(args[0])
	l, err := net.Listen("unix", socket)
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	go a.Serve(l)
	ts.Setenv("SSH_AUTH_SOCK", socket)
}

// verify FILE PUBLICKEY [NAMESPACE] checks FILE.sig and FILE.sha256.
func verify(ts *testscript.TestScript, neg bool, args []string) {
	namespace := "file"
	if len(args) > 2 {
		namespace = args[2]
	}
	err := verifyFile(ts, args[0], args[1], namespace)
	if neg && err == nil {
		ts.Fatalf("verified, which it should not")
	}
	if !neg {
		ts.Check(err)
	}
}

func verifyFile(ts *testscript.TestScript, name, key, namespace string) error {
	signature, err := sshsig.Parse([]byte(ts.ReadFile(name + ".sig")))
	if err != nil {
		return err
	}
	if want := readPublicKey(ts, ts.MkAbs(key)); !bytes.Equal(signature.Key.Marshal(), want.Marshal()) {
		return fmt.Errorf("signed by another key than %s", key)
	}
	digest, err := signature.Hash.Digest(strings.NewReader(ts.ReadFile(name)))
	if err != nil {
		return err
	}
	return signature.Verify(namespace, digest)
}

func privateKey(ts *testscript.TestScript, path string) crypto.PrivateKey {
	key, ok := privateKeys.Load(path)
	if !ok {
		ts.Fatalf("no key was made in %s", path)
	}
	return key
}

func readPublicKey(ts *testscript.TestScript, path string) ssh.PublicKey {
	text, err := os.ReadFile(path)
	ts.Check(err)
	key, _, _, _, err := ssh.ParseAuthorizedKey(text)
	ts.Check(err)
	return key
}
