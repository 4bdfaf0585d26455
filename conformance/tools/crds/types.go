//go:build types

// Package types keeps the API module of Flux' helm-controller, whose own module is
// not to be had. controller-gen makes its CRD of it, as its own build does.
package types

import _ "github.com/fluxcd/helm-controller/api/v2"
