// Package provider holds what the compiler knows of the providers that move the traffic of
// rollouts, a file for each: kuma.go, istio.go and nginx.go.
package provider
