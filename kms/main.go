// Command sigstore-kms connects hapgent-sign to keys in AWS KMS, Google Cloud
// KMS, Azure Key Vault, HashiCorp Vault and OpenBao.
//
// It is a plugin of sigstore's protocol that serves sigstore's own providers.
// The name that it is installed by, sigstore-kms-NAME, says which one: NAME is
// awskms, gcpkms, azurekms, hashivault or openbao, as in NAME://REFERENCE. It
// is a module of its own, so that hapgent-sign is built without any of their
// libraries.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sigstore/sigstore/pkg/signature/kms"
	_ "github.com/sigstore/sigstore/pkg/signature/kms/aws"
	_ "github.com/sigstore/sigstore/pkg/signature/kms/azure"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/handler"
	_ "github.com/sigstore/sigstore/pkg/signature/kms/gcp"
	_ "github.com/sigstore/sigstore/pkg/signature/kms/hashivault"
)

func main() {
	if err := run(); err != nil {
		_ = handler.WriteErrorResponse(os.Stdout, err)
		os.Exit(1)
	}
}

func run() error {
	scheme, err := schemeOf(os.Args[0])
	if err != nil {
		return err
	}
	arguments, err := handler.GetPluginArgs(os.Args)
	if err != nil {
		return err
	}
	ref := scheme + arguments.InitOptions.KeyResourceID
	service, err := kms.Get(context.Background(), ref, arguments.InitOptions.HashFunc)
	if err != nil {
		return err
	}
	_, err = handler.Dispatch(os.Stdout, os.Stdin, arguments, service)
	return err
}

// schemeOf returns the scheme of a built-in provider. Another one must not reach
// kms.Get, which would start this program again.
func schemeOf(program string) (string, error) {
	scheme := strings.TrimPrefix(filepath.Base(program), cliplugin.PluginBinaryPrefix) + "://"
	if known := kms.SupportedProviders(); !slices.Contains(known, scheme) {
		slices.Sort(known)
		return "", fmt.Errorf("program %q is not named after a provider: expected %sNAME, NAME:// one of %s",
			program, cliplugin.PluginBinaryPrefix, strings.Join(known, " "))
	}
	return scheme, nil
}
