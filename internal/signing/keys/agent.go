package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// maxAgentMessage is what fits into a request of OpenSSH's agent, which ends
// the connection at 256 KiB (AGENT_MAX_LEN), with room for the key.
const maxAgentMessage = 256<<10 - 32<<10

// agentKey signs by the ssh-agent. A FIDO token signs there, too, after a touch if
// it requires one.
type agentKey struct{ public ssh.PublicKey }

// openAgent returns the key if the agent has it.
func openAgent(public ssh.PublicKey) (*Key, error) {
	if public == nil {
		return nil, errors.New("the public half is not known")
	}
	err := withAgent(func(a agent.ExtendedAgent) error {
		keys, err := a.List()
		if err != nil {
			return fmt.Errorf("asking the ssh-agent for its keys: %w", err)
		}
		for _, key := range keys {
			if bytes.Equal(key.Marshal(), public.Marshal()) {
				return nil
			}
		}
		return errors.New("the ssh-agent does not hold it (see ssh-add -L)")
	})
	if err != nil {
		return nil, err
	}
	return &Key{AlgorithmSigner: agentKey{public}, maxMessage: maxAgentMessage}, nil
}

func withAgent(do func(agent.ExtendedAgent) error) error {
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return errors.New("there is no ssh-agent (SSH_AUTH_SOCK is not set)")
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return fmt.Errorf("the ssh-agent (SSH_AUTH_SOCK) does not answer: %w", err)
	}
	defer conn.Close()
	return do(agent.NewClient(conn))
}

func (k agentKey) PublicKey() ssh.PublicKey { return k.public }

func (k agentKey) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return k.SignWithAlgorithm(rand, data, algorithm(k.public))
}

func (k agentKey) SignWithAlgorithm(_ io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	var flags agent.SignatureFlags
	switch algorithm {
	case ssh.KeyAlgoRSASHA256:
		flags = agent.SignatureFlagRsaSha256
	case ssh.KeyAlgoRSASHA512:
		flags = agent.SignatureFlagRsaSha512
	}
	var signature *ssh.Signature
	err := withAgent(func(a agent.ExtendedAgent) (err error) {
		signature, err = a.SignWithFlags(k.public, data, flags)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the ssh-agent did not sign (locked, not confirmed, or the token is missing?): %w", err)
	}
	return signature, nil
}
