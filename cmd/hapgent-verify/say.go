package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/epicfilemcnulty/hapgent/internal/console"
	"github.com/epicfilemcnulty/hapgent/internal/signing/verify"
)

// What the command prints stands in this file, and nowhere else. What is good
// goes to standard output, everything else to standard error, each line made
// safe for the terminal whatever names are in it.

const usage = `Usage: hapgent-verify [-f ALLOWED_SIGNERS] [-I IDENTITY] [-n NAMESPACE]
                      [-s SIGFILE] [-c SHA256FILE] [-r REVOCATION]
                      [-O verify-time=TIME] [-o OUTPUT] FILE...
       hapgent-verify --bundle BUNDLE --key PUBLIC_KEY [-c SHA256FILE]
                      [-o OUTPUT] FILE

Checks each FILE against its SSH signature, as ssh-keygen -Y verify does, and
against its SHA-256 sum. FILE "-", or none with -s, is standard input.

  -f ALLOWED_SIGNERS  who may sign (default ~/.ssh/allowed_signers)
  -I IDENTITY         who must have signed (default anyone who may)
  -n NAMESPACE        what the signature is for (default "file")
  -s SIGFILE          the signature (default FILE.sig)
  -c SHA256FILE       the sum, or a list of sums, whose signature is checked too
                      (default FILE.sha256, if there)
  -r REVOCATION       keys not to be trusted: public keys or a KRL
  -O verify-time=TIME when it was signed (default now): YYYYMMDD[HHMM[SS]][Z]
  -o OUTPUT           write what was read here, if it is good
  --bundle BUNDLE     a sigstore bundle, in place of an SSH signature
  --key PUBLIC_KEY    the key that made it, as OpenSSH or cosign writes it
  --version           print the version
  --help              print this

Exit status: 0 every file is good, 1 a file is not, 2 it could not be tried.

Example:
  hapgent-verify -f allowed_signers -I me@example.org -c SHA256SUMS hapgent
`

func sayHelp(w io.Writer) { io.WriteString(w, usage) }

func sayVersion(w io.Writer) { fmt.Fprintln(w, "hapgent-verify", version) }

func sayUsageError(w io.Writer, err error) {
	sayErrors(w, err)
	fmt.Fprintln(w, "try hapgent-verify --help")
}

// sayErrors prints a line for each failure, and for what to do.
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

// sayGood prints the line of a file that is good, as ssh-keygen does, of which
// file it is if there are several, and what is not good about it.
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
