package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/console"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
)

// What the command prints stands in this file, and nowhere else.

const usage = `Usage: hapgent-sign -f KEY [-n NAMESPACE] [--bundle] [--force] FILE...
       hapgent-sign -f KEY --public-key [--pem]

Signs each FILE: FILE.sig for ssh-keygen -Y verify, FILE.sha256 for
sha256sum -c, and both for hapgent-verify.

  -f KEY        a private key file, a public key file whose private half is in
                the ssh-agent, or NAME://REFERENCE in a key management service
  -n NAMESPACE  what the signature is for (default "file")
  --bundle      write FILE.sigstore.json too, for cosign
  --force       replace what an earlier signing has written
  --public-key  print the public key of KEY in OpenSSH's form and sign nothing
  --pem         with --public-key: in PEM, as cosign takes it
  --version     print the version
  --help        print this

Example:
  hapgent-sign -f ~/.ssh/id_ed25519 hapgent
  ssh-keygen -Y verify -f ~/.ssh/allowed_signers -I me@example.org -n file \
      -s hapgent.sig < hapgent
`

func sayHelp() { fmt.Print(usage) }

func sayVersion() { fmt.Println("hapgent-sign", version) }

func sayError(err error) {
	fmt.Fprintln(os.Stderr, "hapgent-sign:", console.Safe(err.Error()))
}

func sayUsageError(err error) {
	sayError(err)
	fmt.Fprint(os.Stderr, "try hapgent-sign --help\n")
}

func sayTouch(path string) {
	fmt.Fprintf(os.Stderr, "touch the token if it blinks, to sign %q\n", path)
}

func saySigned(path, namespace string, key ssh.PublicKey, written []string) {
	names := make([]string, len(written))
	for i, name := range written {
		names[i] = fmt.Sprintf("%q", name)
	}
	name := key.Type()
	if known, err := pubkey.Parse(key.Marshal()); err == nil {
		name = known.Type() + " key " + known.Fingerprint()
	}
	fmt.Printf("Signed %q for %q with %s: wrote %s\n", path, namespace, name, strings.Join(names, ", "))
}

func sayPublicKey(key ssh.PublicKey) error {
	_, err := os.Stdout.Write(ssh.MarshalAuthorizedKey(key))
	return err
}

func sayPEM(key crypto.PublicKey) error {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return err
	}
	return pem.Encode(os.Stdout, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
