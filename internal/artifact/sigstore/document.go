package sigstore

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
)

// hashNames are the values of the enumeration HashAlgorithm that sign files.
var hashNames = map[crypto.Hash]string{
	crypto.SHA256: "SHA2_256",
	crypto.SHA384: "SHA2_384",
	crypto.SHA512: "SHA2_512",
}

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
	Signature []byte         `json:"signature"`
}

type messageDigest struct {
	Algorithm string `json:"algorithm"`
	Digest    []byte `json:"digest"`
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

// readObject reads a JSON object into the places that fields gives by name.
// encoding/json alone would take a field twice, and in any case of letters.
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
		place, ok := fields[name]
		if !ok {
			return fmt.Errorf("field %q is unknown or stands there twice", name)
		}
		delete(fields, name)
		if err := d.Decode(place); err != nil {
			return fmt.Errorf("field %q: %w", name, err)
		}
	}
	return nil
}
