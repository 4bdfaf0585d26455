package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/internal/lazyregexp"
)

const (
	// MaxLabel is the longest value of a label, and the longest DNS label. Flux
	// puts the name of a Kustomization into a label of every object that it
	// applies (kustomize.toolkit.fluxcd.io/name).
	MaxLabel = 63
	// MaxFile keeps file names, with a writer's additions, under the 255 bytes of file systems.
	MaxFile = 200
)

// Shorten truncates a name to a length. A hash of the whole name replaces the rest, so that different names stay
// different.
func Shorten(name string, length int) string {
	if len(name) <= length {
		return name
	}
	end := "-" + Hash(name)
	return strings.TrimRight(name[:length-len(end)], "-.") + end
}

// Hash returns a short hash of a name.
func Hash(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:4])
}

// FileName returns the name of the file of an object: <kind>-<name>.yaml in lower case.
func FileName(kind, name string) string {
	return Shorten(strings.ToLower(kind)+"-"+name, MaxFile) + ".yaml"
}

// SourceOnHub returns the name of the source of an Application on a hub, for the clusters to which some of its
// overrides apply.
func SourceOnHub(application string, overrides []int) string {
	if len(overrides) == 0 {
		return application
	}
	name := application + "-override"
	for _, i := range overrides {
		name += "-" + strconv.Itoa(i)
	}
	return Shorten(name, MaxLabel)
}

// ofOverrides matches the end of the name of a source with overrides.
var ofOverrides = lazyregexp.New(`-override(-[0-9]+)+$`)

// ApplicationOfSource returns the name of the Application with a source of this name on a hub, unless the name
// was truncated.
func ApplicationOfSource(name string) string { return ofOverrides().ReplaceAllString(name, "") }
