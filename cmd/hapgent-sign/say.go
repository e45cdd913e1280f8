package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/console"
	"github.com/epicfilemcnulty/hapgent/internal/signing/files"
)

// All that the command prints is in this file.

const usage = `Usage: hapgent-sign -f KEY [-n NAMESPACE] [--bundle] [--force] FILE...
       hapgent-sign -f KEY --public-key [--pem]

Signs each FILE: FILE.sig for ssh-keygen -Y verify, FILE.sha256 for
sha256sum -c, and both for hapgent-verify.

  -f KEY        a private key file, a public key file whose private half is in
                the ssh-agent, or NAME://REFERENCE in a key management service
  -n NAMESPACE  the purpose of the signature (default "file")
  --bundle      write FILE.sigstore.json too, for cosign
  --force       replace the files of an earlier signing
  --public-key  print the public key of KEY in OpenSSH's form, sign nothing
  --pem         with --public-key: in PEM, as cosign takes it
  --version     print the version
  --help        print this text

Example:
  hapgent-sign -f ~/.ssh/id_ed25519 hapgent
  ssh-keygen -Y verify -f ~/.ssh/allowed_signers -I me@example.org -n file \
      -s hapgent.sig < hapgent
`

func sayHelp(w io.Writer) { io.WriteString(w, usage) }

func sayVersion(w io.Writer) { fmt.Fprintln(w, "hapgent-sign", version) }

func sayError(w io.Writer, err error) {
	fmt.Fprintln(w, console.Safe("hapgent-sign: "+err.Error()))
}

func sayUsageError(w io.Writer, err error) {
	sayError(w, err)
	fmt.Fprintln(w, "try hapgent-sign --help")
}

func sayTouch(w io.Writer, path string) {
	fmt.Fprintf(w, "touch the token if it blinks, to sign %q\n", path)
}

func saySigned(w io.Writer, path, namespace string, signed *files.Signed) error {
	names := make([]string, len(signed.Written))
	for i, name := range signed.Written {
		names[i] = strconv.Quote(name)
	}
	_, err := fmt.Fprintf(w, "Signed %q for %q with %s: wrote %s\n", path, namespace, signed.By, strings.Join(names, ", "))
	return err
}

func sayPublicKey(w io.Writer, key ssh.PublicKey) error {
	_, err := w.Write(ssh.MarshalAuthorizedKey(key))
	return err
}

func sayPEM(w io.Writer, key crypto.PublicKey) error {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return err
	}
	return pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
