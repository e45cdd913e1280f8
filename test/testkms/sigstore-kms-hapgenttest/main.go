// Command sigstore-kms-hapgenttest is package testkms as a program.
package main

import (
	"os"

	"github.com/epicfilemcnulty/hapgent/test/testkms"
)

func main() { os.Exit(testkms.Main()) }
