// Package testagent is an ssh-agent for tests: x/crypto's keyring, a software
// authenticator that signs as a FIDO token does, and the faults of a malicious or
// broken agent.
package testagent

import (
	"crypto"
	"errors"
	"io"
	"net"
	"slices"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Faults of an agent.
const (
	// OtherMessage signs something else than it is given.
	OtherMessage = "other-message"
	// SHA1 signs by ssh-rsa, whatever the request.
	SHA1 = "sha1"
	// Refuse has the keys and does not sign, as after a confirmation that was
	// denied.
	Refuse = "refuse"
	// Empty holds no key.
	Empty = "empty"
	// HangUp closes the connection at a request to sign.
	HangUp = "hang-up"
)

// Agent is an agent with one of the faults, or with none.
type Agent struct {
	agent.ExtendedAgent
	tokens []*Token
	fault  string
}

// New returns an agent without keys.
func New(fault string) *Agent {
	return &Agent{ExtendedAgent: agent.NewKeyring().(agent.ExtendedAgent), fault: fault}
}

// AddKey adds a private key, with its certificate if that is not nil.
func (a *Agent) AddKey(private crypto.PrivateKey, certificate *ssh.Certificate) error {
	return a.Add(agent.AddedKey{PrivateKey: private, Certificate: certificate})
}

// AddToken adds the key of a FIDO token.
func (a *Agent) AddToken(t *Token) { a.tokens = append(a.tokens, t) }

// Serve answers on the listener until that is closed.
func (a *Agent) Serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			_ = agent.ServeAgent(hangingUp{a, conn}, conn)
		}()
	}
}

// hangingUp is an Agent that knows its connection.
type hangingUp struct {
	*Agent
	conn io.Closer
}

func (h hangingUp) SignWithFlags(key ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	if h.fault == HangUp {
		h.conn.Close()
	}
	return h.Agent.SignWithFlags(key, data, flags)
}

// List returns the keys.
func (a *Agent) List() ([]*agent.Key, error) {
	if a.fault == Empty {
		return nil, nil
	}
	keys, err := a.ExtendedAgent.List()
	for _, t := range a.tokens {
		keys = append(keys, &agent.Key{Format: t.PublicKey().Type(), Blob: t.PublicKey().Marshal()})
	}
	return keys, err
}

// SignWithFlags signs, or does what the fault is.
func (a *Agent) SignWithFlags(key ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	switch a.fault {
	case Refuse:
		return nil, errors.New("refused")
	case OtherMessage:
		data = slices.Concat(data, []byte("!"))
	case SHA1:
		flags = 0
	}
	for _, t := range a.tokens {
		if string(t.PublicKey().Marshal()) == string(key.Marshal()) {
			return t.Sign(data)
		}
	}
	return a.ExtendedAgent.SignWithFlags(key, data, flags)
}
