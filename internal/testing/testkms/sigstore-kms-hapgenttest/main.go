// Command sigstore-kms-hapgenttest is package testkms as a program.
package main

import (
	"os"

	"github.com/epicfilemcnulty/hapgent/internal/testing/testkms"
)

func main() { os.Exit(testkms.Main()) }
