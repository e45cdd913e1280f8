package signatures

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
)

// cat joins fields.
func cat(fields ...[]byte) []byte { return bytes.Join(fields, nil) }

// str is a field with its length in front.
func str[T ~string | ~[]byte](field T) []byte {
	return append(u32(uint32(len(field))), field...)
}

func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// parts are the parts of an SSHSIG blob. They are put together here and not by
// internal/openssh/sshsig, so that a mistake there is not repeated.
type parts struct {
	version                   uint32
	key                       []byte
	namespace, reserved, hash string
	signature, trailing       []byte
}

// newParts signs content.
func newParts(s signer, namespace, hash string) parts {
	return parts{
		version: 1, key: s.key, namespace: namespace, hash: hash,
		signature: s.sign(signedData(namespace, hash, content)),
	}
}

func signedData(namespace, hash, file string) []byte {
	digest := sha512.Sum512([]byte(file))
	sum := digest[:]
	if hash == "sha256" {
		short := sha256.Sum256([]byte(file))
		sum = short[:]
	}
	return cat([]byte("SSHSIG"), str(namespace), str(""), str(hash), str(sum))
}

func (p parts) blob() []byte {
	return cat([]byte("SSHSIG"), u32(p.version), str(p.key), str(p.namespace),
		str(p.reserved), str(p.hash), str(p.signature), p.trailing)
}

func (p parts) armored() []byte { return armor(p.blob()) }

const (
	begin = "-----BEGIN SSH SIGNATURE-----\n"
	end   = "-----END SSH SIGNATURE-----\n"
)

func armor(blob []byte) []byte { return []byte(begin + lines(blob, 70, "\n") + end) }

func lines(blob []byte, width int, newline string) string {
	text := base64.StdEncoding.EncodeToString(blob)
	var out bytes.Buffer
	for len(text) > 0 {
		n := min(width, len(text))
		out.WriteString(text[:n] + newline)
		text = text[n:]
	}
	return out.String()
}

// keyText is a key as a public key file has it.
func keyText(key []byte) string {
	length := binary.BigEndian.Uint32(key)
	return string(key[4:4+length]) + " " + base64.StdEncoding.EncodeToString(key)
}

// allow is the line of allowed_signers that allows me a key.
func allow(key []byte) string { return me + " " + keyText(key) + "\n" }

// allowCA is the line that allows me a key that an authority certified.
func allowCA(authority []byte) string {
	return me + " cert-authority " + keyText(authority) + "\n"
}
