// Command service is the service that is hard to deploy, on port 8080: `service
// FILE`. It needs nothing of the host that it runs on.
package main

import (
	"fmt"
	"os"

	"github.com/epicfilemcnulty/hapgent/test/internal/traffic"
)

func main() {
	fmt.Fprintln(os.Stderr, traffic.Serve(":8080", os.Args[1]))
	os.Exit(1)
}
