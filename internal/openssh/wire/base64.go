package wire

import (
	"bytes"
	"encoding/base64"
)

// DecodeBase64 reads base64 with white space anywhere. One NUL byte at its end
// is dropped, which OpenSSH takes for the end of the text.
func DecodeBase64(text []byte) ([]byte, error) {
	text = bytes.TrimSuffix(text, []byte{0})
	packed := make([]byte, 0, len(text))
	for _, c := range text {
		if c != ' ' && (c < '\t' || c > '\r') {
			packed = append(packed, c)
		}
	}
	return base64.StdEncoding.Strict().AppendDecode(nil, packed)
}
