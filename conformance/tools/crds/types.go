//go:build types

// Package types imports the API module of Flux's helm-controller. Its CRD is not available as a module, so
// controller-gen generates it from the types, as the controller's own build does.
package types

import _ "github.com/fluxcd/helm-controller/api/v2"
