package sigstore

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"
)

// hashNames are the values of the enumeration HashAlgorithm that sign files, by
// name and by number.
var hashNames = map[crypto.Hash]string{
	crypto.SHA256: "SHA2_256",
	crypto.SHA384: "SHA2_384",
	crypto.SHA512: "SHA2_512",
}

const noHashName = "HASH_ALGORITHM_UNSPECIFIED"

var hashNumbers = []algorithm{noHashName, "SHA2_256", "SHA2_384", "SHA2_512"}

// The types below are the messages of sigstore_bundle.proto and
// sigstore_common.proto, in their JSON form.

type document struct {
	MediaType string            `json:"mediaType"`
	Material  material          `json:"verificationMaterial"`
	Message   *messageSignature `json:"messageSignature"`
	Envelope  json.RawMessage   `json:"dsseEnvelope,omitempty"`
}

type material struct {
	PublicKey   *publicKey        `json:"publicKey"`
	Certificate json.RawMessage   `json:"certificate,omitempty"`
	Chain       json.RawMessage   `json:"x509CertificateChain,omitempty"`
	LogEntries  []json.RawMessage `json:"tlogEntries,omitempty"`
	Timestamps  *timestamps       `json:"timestampVerificationData,omitempty"`
}

type publicKey struct {
	Hint string `json:"hint"`
}

type timestamps struct {
	RFC3161 []json.RawMessage `json:"rfc3161Timestamps"`
}

type messageSignature struct {
	Digest    *messageDigest `json:"messageDigest"`
	Signature octets         `json:"signature"`
}

type messageDigest struct {
	Algorithm algorithm `json:"algorithm"`
	Digest    octets    `json:"digest"`
}

// empty reports whether the digest is empty, as cosign 3 writes it for Ed25519.
func (m *messageDigest) empty() bool {
	return (m.Algorithm == "" || m.Algorithm == noHashName) && len(m.Digest) == 0
}

// algorithm is a value of HashAlgorithm: in JSON its name, or its number.
type algorithm string

func (a *algorithm) UnmarshalJSON(data []byte) error {
	var number float64
	if json.Unmarshal(data, &number) != nil || string(data) == "null" {
		return json.Unmarshal(data, (*string)(a))
	}
	if *a = algorithm(data); number >= 0 && int(number) < len(hashNumbers) && number == math.Trunc(number) {
		*a = hashNumbers[int(number)]
	}
	return nil
}

// octets are bytes: in JSON as base64 of either alphabet, padded or not.
type octets []byte

func (o *octets) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	encoding := base64.StdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.URLEncoding
	}
	if len(text)%4 != 0 {
		encoding = encoding.WithPadding(base64.NoPadding)
	}
	decoded, err := encoding.DecodeString(text)
	*o = decoded
	return err
}

func (d *document) UnmarshalJSON(data []byte) error {
	return readObject(data, map[string]any{
		"mediaType":            &d.MediaType,
		"verificationMaterial": &d.Material,
		"messageSignature":     &d.Message,
		"dsseEnvelope":         &d.Envelope,
	})
}

func (m *material) UnmarshalJSON(data []byte) error {
	return readObject(data, map[string]any{
		"publicKey":                 &m.PublicKey,
		"certificate":               &m.Certificate,
		"x509CertificateChain":      &m.Chain,
		"tlogEntries":               &m.LogEntries,
		"timestampVerificationData": &m.Timestamps,
	})
}

func (k *publicKey) UnmarshalJSON(data []byte) error {
	return readObject(data, map[string]any{"hint": &k.Hint})
}

func (t *timestamps) UnmarshalJSON(data []byte) error {
	return readObject(data, map[string]any{"rfc3161Timestamps": &t.RFC3161})
}

func (m *messageSignature) UnmarshalJSON(data []byte) error {
	return readObject(data, map[string]any{"messageDigest": &m.Digest, "signature": &m.Signature})
}

func (m *messageDigest) UnmarshalJSON(data []byte) error {
	return readObject(data, map[string]any{"algorithm": &m.Algorithm, "digest": &m.Digest})
}

// readObject reads a JSON object into fields, by name, which may also be spelled
// as in the definition: media_type. encoding/json alone would accept a field
// twice, and in any letter case.
func readObject(data []byte, fields map[string]any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return errors.New("expected an object")
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name := token.(string)
		place := cut(fields, name)
		if place == nil {
			return fmt.Errorf("field %q is unknown or occurs twice", name)
		}
		if err := d.Decode(place); err != nil {
			return fmt.Errorf("field %q: %w", name, err)
		}
	}
	return nil
}

// cut takes the place of a field out of fields, nil if there is none.
func cut(fields map[string]any, name string) any {
	for field, place := range fields {
		if name == field || name == inDefinition(field) {
			delete(fields, field)
			return place
		}
	}
	return nil
}

// inDefinition is the name of a field as the definition has it.
func inDefinition(name string) string {
	var out strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}
