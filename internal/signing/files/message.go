package files

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// headSize is how many bytes of a file checkNoMessage needs: more than the longest
// beginning that it knows.
const headSize = 256

// checkNoMessage refuses a file that begins like a message that SSH signs.
//
// A bundle has the key's signature of the file's bytes as they are, and SSH signs
// its own messages in the same form. Whoever may have a file signed could choose
// such a message, and get a signature of another file in any namespace, a login
// where the key is authorized, or a certificate by the key. Every
// message of SSH begins in a way of its own for this reason; that of FILE.sig has
// "SSHSIG", and what was not made for it never verifies as one.
func checkNoMessage(head []byte) error {
	what := ""
	field, rest := cutString(head)
	switch {
	case bytes.HasPrefix(head, []byte("SSHSIG")):
		what = "what an SSH signature is made over (PROTOCOL.sshsig)"
	case bytes.HasPrefix(head, []byte("SSHKRL\n\x00")):
		what = "a list of revoked keys (PROTOCOL.krl)"
	case strings.Contains(field, "-cert-v"):
		what = "a certificate (PROTOCOL.certkeys)"
	case field == "hostkeys-prove-00@openssh.com":
		what = "a proof of a host's keys (PROTOCOL, section 2.5)"
	case field != "" && len(field) <= 64 && bytes.HasPrefix(rest, []byte{50}):
		// a session's id, which is a hash, and SSH_MSG_USERAUTH_REQUEST
		what = "a request for a login (RFC 4252, section 7)"
	default:
		return nil
	}
	return fmt.Errorf("no bundle: the file begins like %s, and its signature in a bundle would be one of that too (FILE.sig is safe)", what)
}

// cutString returns the string that data begins with in the form of SSH (RFC 4251,
// section 5), and what follows; "" where there is none.
func cutString(data []byte) (field string, rest []byte) {
	if len(data) < 4 {
		return "", nil
	}
	length := binary.BigEndian.Uint32(data)
	if int64(length) > int64(len(data)-4) {
		return "", nil
	}
	return string(data[4 : 4+length]), data[4+length:]
}
