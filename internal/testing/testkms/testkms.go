// Package testkms is a key management service for tests: a plugin of
// sigstore's protocol whose keys are PEM files. A key reference is
//
//	hapgenttest://PATH[?FAULT]
//
// and FAULT makes the service misbehave as real services do: see the constants.
package testkms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/common"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/handler"
)

// Faults.
const (
	// EmptyMessage signs the empty message, whatever it is given.
	EmptyMessage = "empty-message"
	// OtherKey signs with another key than the one it shows.
	OtherKey = "other-key"
	// OnlySHA256 refuses other hashes, as a cloud's RSA keys for SHA-256 do.
	OnlySHA256 = "only-sha256"
	// PSS makes RSA signatures that SSH does not have.
	PSS = "pss"
	// Denied shows the key and refuses to sign.
	Denied = "denied"
	// Garbage returns bytes that are no signature.
	Garbage = "garbage"
	// NoAnswer answers an object that has nothing in it.
	NoAnswer = "no-answer"
	// NoJSON answers plain text, and exits with a failure.
	NoJSON = "no-json"
	// Hang answers nothing, and leaves a process that keeps its output open.
	Hang = "hang"
)

// Main is the plugin. It returns the exit status.
func Main() int {
	arguments, err := handler.GetPluginArgs(os.Args)
	if err != nil {
		return fail(err)
	}
	path, fault, _ := strings.Cut(arguments.InitOptions.KeyResourceID, "?")
	switch fault {
	case NoAnswer:
		return answer(&common.PluginResp{})
	case Hang:
		sleep := exec.Command("/bin/sleep", "50")
		sleep.Stdout = os.Stdout
		if err := sleep.Start(); err != nil {
			return fail(err)
		}
		time.Sleep(50 * time.Second)
		return 1
	case NoJSON:
		fmt.Println("Segmentation fault")
		return 139
	}
	service, err := open(path, fault)
	if err != nil {
		return fail(err)
	}
	if _, err := handler.Dispatch(os.Stdout, os.Stdin, arguments, service); err != nil {
		return fail(err)
	}
	return 0
}

func answer(r *common.PluginResp) int {
	if err := handler.WriteResponse(os.Stdout, r); err != nil {
		return 1
	}
	return 0
}

func fail(err error) int {
	_ = handler.WriteErrorResponse(os.Stdout, err)
	return 1
}

type service struct {
	signature.SignerVerifier
	private crypto.PrivateKey
	fault   string
}

var _ kms.SignerVerifier = service{}

func open(path, fault string) (service, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return service{}, err
	}
	private, err := cryptoutils.UnmarshalPEMToPrivateKey(text, cryptoutils.SkipPassword)
	if err != nil {
		return service{}, err
	}
	sv, err := signature.LoadSignerVerifier(private, crypto.SHA256)
	return service{sv, private, fault}, err
}

// SignMessage signs as the library does, apart from the fault.
func (s service) SignMessage(message io.Reader, opts ...signature.SignOption) ([]byte, error) {
	switch s.fault {
	case EmptyMessage:
		message = bytes.NewReader(nil)
	case OtherKey:
		return s.byOtherKey(message, opts...)
	case OnlySHA256:
		if hash := hashOf(opts); hash != crypto.SHA256 {
			return nil, fmt.Errorf("the key is for SHA-256, not %v", hash)
		}
	case PSS:
		return s.pss(message, opts...)
	case Denied:
		return nil, errors.New("permission denied on resource\nor it does not exist")
	case Garbage:
		return []byte("garbage"), nil
	}
	return s.SignerVerifier.SignMessage(message, opts...)
}

func (s service) byOtherKey(message io.Reader, opts ...signature.SignOption) ([]byte, error) {
	sv, _, err := signature.NewDefaultECDSASignerVerifier()
	if err != nil {
		return nil, err
	}
	return sv.SignMessage(message, opts...)
}

func (s service) pss(message io.Reader, opts ...signature.SignOption) ([]byte, error) {
	sv, err := signature.LoadRSAPSSSignerVerifier(s.private.(*rsa.PrivateKey), crypto.SHA256, nil)
	if err != nil {
		return nil, err
	}
	return sv.SignMessage(message, opts...)
}

func hashOf(opts []signature.SignOption) crypto.Hash {
	var chosen crypto.SignerOpts = crypto.SHA256
	for _, opt := range opts {
		opt.ApplyCryptoSignerOpts(&chosen)
	}
	return chosen.HashFunc()
}

// CreateKey is a part of the protocol that signing does not need.
func (s service) CreateKey(context.Context, string) (crypto.PublicKey, error) {
	return nil, errors.ErrUnsupported
}

// CryptoSigner is not a part of the protocol.
func (s service) CryptoSigner(context.Context, func(error)) (crypto.Signer, crypto.SignerOpts, error) {
	return nil, nil, errors.ErrUnsupported
}

// SupportedAlgorithms fails: sigstore's client ends the program that asks.
func (s service) SupportedAlgorithms() []string { panic("nobody should ask") }

// DefaultAlgorithm fails: sigstore's client ends the program that asks.
func (s service) DefaultAlgorithm() string { panic("nobody should ask") }
