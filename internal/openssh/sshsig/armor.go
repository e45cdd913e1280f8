package sshsig

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/wire"
)

// The lines around the base64 (PROTOCOL.sshsig, section 1).
const (
	armorBegin = "-----BEGIN SSH SIGNATURE-----"
	armorEnd   = "-----END SSH SIGNATURE-----"
)

// armorWidth is the length of ssh-keygen's lines.
const armorWidth = 70

// Parse reads an armored signature. As ssh-keygen does, it takes any white
// space within the base64, and ignores what follows the end line.
func Parse(armored []byte) (*Signature, error) {
	blob, err := dearmor(armored)
	if err != nil {
		return nil, err
	}
	return parseBlob(blob)
}

// Armor returns the signature as ssh-keygen writes it.
func (s *Signature) Armor() []byte {
	text := base64.StdEncoding.EncodeToString(s.blob())
	var out bytes.Buffer
	out.WriteString(armorBegin + "\n")
	for len(text) > 0 {
		line := text[:min(armorWidth, len(text))]
		text = text[len(line):]
		out.WriteString(line + "\n")
	}
	out.WriteString(armorEnd + "\n")
	return out.Bytes()
}

func dearmor(armored []byte) ([]byte, error) {
	body, ok := bytes.CutPrefix(armored, []byte(armorBegin))
	if !ok {
		return nil, fmt.Errorf("%w: it does not begin with %q", ErrArmor, armorBegin)
	}
	if !bytes.HasPrefix(body, []byte("\n")) && !bytes.HasPrefix(body, []byte("\r\n")) {
		return nil, fmt.Errorf("%w: there is more on its first line than %q", ErrArmor, armorBegin)
	}
	body = bytes.TrimPrefix(body, []byte("\r"))[1:]
	body, _, ok = bytes.Cut(body, []byte("\n"+armorEnd))
	if !ok {
		return nil, fmt.Errorf("%w: the line %q is missing", ErrArmor, armorEnd)
	}
	blob, err := wire.DecodeBase64(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArmor, err)
	}
	return blob, nil
}
