//go:build types

// Package types imports the API modules of Flux 2.6. controller-gen generates the
// CRDs from them, as Flux's own build does.
package types

import (
	_ "github.com/fluxcd/helm-controller/api/v2"
	_ "github.com/fluxcd/kustomize-controller/api/v1"
	_ "github.com/fluxcd/source-controller/api/v1"
)
