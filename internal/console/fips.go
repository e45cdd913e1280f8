package console

import (
	"fmt"
	"strings"
)

// RecoverFIPS, deferred, turns the panic by which Go's packages refuse an algorithm
// under GODEBUG=fips140=only into an error: SHA-1 in a list of revoked keys, MD5 in
// an old key file. Every other panic goes on.
func RecoverFIPS(err *error) {
	switch reason := recover(); {
	case reason == nil:
	case strings.Contains(fmt.Sprint(reason), "FIPS 140-only mode"):
		*err = fmt.Errorf("%v (GODEBUG asks for that)", reason)
	default:
		panic(reason)
	}
}
