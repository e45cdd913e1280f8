// Command service is a small service for the demo: `service ADDRESS TEXT` answers
// every request with that text.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintf(os.Stderr, "service: expected ADDRESS TEXT, found %d arguments\n", len(os.Args)-1)
		os.Exit(2)
	}
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, os.Args[2]) })
	fmt.Fprintf(os.Stderr, "service: %v\n", http.ListenAndServe(os.Args[1], answer))
	os.Exit(1)
}
