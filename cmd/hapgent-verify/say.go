package main

import (
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
                      [-O verify-time=TIME] FILE...
       hapgent-verify --bundle BUNDLE --key PUBLIC_KEY [-c SHA256FILE] FILE

Checks each FILE against its SSH signature, as ssh-keygen -Y verify does, and
against its SHA-256 sum. FILE "-", or none with -s, is standard input.

  -f ALLOWED_SIGNERS  who may sign (default ~/.ssh/allowed_signers)
  -I IDENTITY         who must have signed (default anyone who may)
  -n NAMESPACE        what the signature is for (default "file")
  -s SIGFILE          the signature (default FILE.sig)
  -c SHA256FILE       the sum, or a list of sums (default FILE.sha256, if there)
  -r REVOCATION       keys not to be trusted: public keys or a KRL
  -O verify-time=TIME when it was signed (default now): YYYYMMDD[HHMM[SS]][Z]
  --bundle BUNDLE     a sigstore bundle, in place of an SSH signature
  --key PUBLIC_KEY    the key that made it, as OpenSSH or cosign writes it
  --version           print the version
  --help              print this

Exit status: 0 every file is good, 1 a file is not, 2 it could not be tried.

Example:
  hapgent-verify -f allowed_signers hapgent
`

func sayHelp(w io.Writer) { io.WriteString(w, usage) }

func sayVersion(w io.Writer) { fmt.Fprintln(w, "hapgent-verify", version) }

func sayUsageError(w io.Writer, err error) {
	sayErrors(w, err)
	fmt.Fprintln(w, "try hapgent-verify --help")
}

// sayErrors prints a line for each failure.
func sayErrors(w io.Writer, err error) {
	for _, err := range verify.Split(err) {
		fmt.Fprintln(w, console.Safe("hapgent-verify: "+err.Error()))
	}
}

// sayGood prints the line of a file that is good, as ssh-keygen does, and of
// which file it is if there are several.
func sayGood(w io.Writer, good, file string, several bool) error {
	if several {
		good += fmt.Sprintf(" (%s)", file)
	}
	_, err := fmt.Fprintln(w, console.Safe(good))
	return err
}
