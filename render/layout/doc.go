// Package layout names the directories and files of a rendered tree, and the Flux
// Kustomizations that apply them. docs/layout.md describes the whole.
package layout
