// Package manifest holds the objects that are rendered, with where in the input each
// comes from.
package manifest
