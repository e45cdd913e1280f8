package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/epicfilemcnulty/hapgent/internal/console"
	"github.com/epicfilemcnulty/hapgent/internal/signing/verify"
)

// All that the command prints is in this file. Good files go to standard output,
// everything else to standard error. Each line is made safe for the terminal,
// whatever names it contains.

const usage = `Usage: hapgent-verify [-f ALLOWED_SIGNERS] [-I IDENTITY] [-n NAMESPACE]
                      [-s SIGFILE] [-c SHA256FILE] [-r REVOCATION]
                      [-O verify-time=TIME] [-o OUTPUT] FILE...
       hapgent-verify --bundle BUNDLE --key PUBLIC_KEY [-c SHA256FILE]
                      [-o OUTPUT] FILE

Checks each FILE against its SSH signature, as ssh-keygen -Y verify does, and
against its SHA-256 sum. FILE "-", or none with -s, is standard input.

  -f ALLOWED_SIGNERS  the allowed signers (default ~/.ssh/allowed_signers)
  -I IDENTITY         the signer (default any of the allowed signers)
  -n NAMESPACE        the purpose of the signature (default "file")
  -s SIGFILE          the signature (default FILE.sig)
  -c SHA256FILE       the sum, or a list of sums, whose signature is checked too
                      (default FILE.sha256, if it exists)
  -r REVOCATION       revoked keys: public keys or a KRL
  -O verify-time=TIME the time of signing (default now): YYYYMMDD[HHMM[SS]][Z]
  -o OUTPUT           write the checked bytes here, if FILE is good
  --bundle BUNDLE     a sigstore bundle, instead of an SSH signature
  --key PUBLIC_KEY    the key of its signer, as OpenSSH or cosign writes it
  --version           print the version
  --help              print this text

Exit status: 0 every file is good, 1 a file is not, 2 a file was not checked.

Example:
  hapgent-verify -f allowed_signers -I me@example.org -c SHA256SUMS hapgent
`

func sayHelp(w io.Writer) { io.WriteString(w, usage) }

func sayVersion(w io.Writer) { fmt.Fprintln(w, "hapgent-verify", version) }

func sayUsageError(w io.Writer, err error) {
	sayErrors(w, err)
	fmt.Fprintln(w, "try hapgent-verify --help")
}

// sayErrors prints a line for each failure, and a hint if there is one.
func sayErrors(w io.Writer, err error) {
	for _, err := range verify.Split(err) {
		no := new(verify.Refusal)
		if !errors.As(err, &no) {
			fmt.Fprintln(w, console.Safe("hapgent-verify: "+err.Error()))
			continue
		}
		fmt.Fprintln(w, console.Safe(no.Error()))
		if no.Hint != "" {
			fmt.Fprintln(w, "hint:", no.Hint)
		}
	}
}

// sayGood prints the line of a good file, as ssh-keygen does; the name of the file,
// if there are several; and the remark and the note, if any.
func sayGood(stdout, stderr io.Writer, good *verify.Good, file string, several bool) error {
	line := good.Text
	if several {
		line += fmt.Sprintf(" (%s)", file)
	}
	if good.Remark != "" {
		line += " " + good.Remark
	}
	if good.Note != "" {
		fmt.Fprintln(stderr, console.Safe("note: "+good.Note))
	}
	_, err := fmt.Fprintln(stdout, console.Safe(line))
	return err
}
