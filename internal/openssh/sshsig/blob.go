package sshsig

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/wire"
)

// magic begins both the blob and the data that is signed. It has no length in
// front of it, so that no signature made for SSH itself can be taken for one
// of a file.
const magic = "SSHSIG"

// version is the newest there is; ssh-keygen lets 0 pass as well.
const version = 1

// parseBlob reads PROTOCOL.sshsig, section 2.
func parseBlob(blob []byte) (*Signature, error) {
	r := wire.NewReader(blob)
	if got := string(r.Raw(len(magic))); got != magic {
		return nil, fmt.Errorf("%w: it does not begin with %q", ErrBlob, magic)
	}
	if v := r.Uint32(); v > version {
		return nil, fmt.Errorf("%w: version %d, known is %d", ErrBlob, v, version)
	}
	key := r.Bytes()
	s := &Signature{Namespace: r.Name(), reserved: r.Bytes(), Hash: Hash(r.Name()), signature: r.Bytes()}
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBlob, err)
	}
	if s.Namespace == "" {
		return nil, fmt.Errorf("%w: the namespace is empty", ErrBlob)
	}
	if !s.Hash.known() {
		return nil, fmt.Errorf("%w: %q, known are %q and %q", ErrHash, s.Hash, SHA256, SHA512)
	}
	var err error
	if s.Key, err = pubkey.Parse(key); errors.Is(err, pubkey.ErrType) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBlob, err)
	}
	return s, nil
}

func (s *Signature) blob() []byte {
	blob := binary.BigEndian.AppendUint32([]byte(magic), version)
	blob = wire.AppendBytes(blob, s.Key.Marshal())
	blob = wire.AppendBytes(blob, s.Namespace)
	blob = wire.AppendBytes(blob, s.reserved)
	blob = wire.AppendBytes(blob, s.Hash)
	return wire.AppendBytes(blob, s.signature)
}

// signedData is what the key signs (PROTOCOL.sshsig, section 3). Its reserved
// field is empty, whatever the blob has there.
func signedData(namespace string, h Hash, digest []byte) []byte {
	data := wire.AppendBytes([]byte(magic), namespace)
	data = wire.AppendBytes(data, "")
	data = wire.AppendBytes(data, h)
	return wire.AppendBytes(data, digest)
}
