//go:build types

// Package types keeps the API modules of Flux 2.6, of which controller-gen makes
// the CRDs as Flux' own build does.
package types

import (
	_ "github.com/fluxcd/helm-controller/api/v2"
	_ "github.com/fluxcd/kustomize-controller/api/v1"
	_ "github.com/fluxcd/source-controller/api/v1"
)
