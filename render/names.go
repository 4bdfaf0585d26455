package render

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const (
	// maxLabel is the longest value of a label, and the longest DNS label. Flux
	// puts the name of a Kustomization into a label of every object that it
	// applies (kustomize.toolkit.fluxcd.io/name).
	maxLabel = 63
	// maxFile keeps file names, with what a writer puts around them, under the
	// 255 bytes that file systems take.
	maxFile = 200
)

// shorten cuts a name to a length. What is cut is replaced by a hash of the
// whole, so that two names that differ stay different.
func shorten(name string, length int) string {
	if len(name) <= length {
		return name
	}
	end := "-" + hash(name)
	return strings.TrimRight(name[:length-len(end)], "-.") + end
}

// hash is short, and differs for names that differ.
func hash(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:4])
}

// fileNames are the names of the objects' files: <kind>-<name>.yaml in lower
// case, with the namespace behind the name where two would be the same.
func fileNames(objects []rendered) []string {
	names := make([]string, len(objects))
	seen := map[string]int{}
	for i, o := range objects {
		names[i] = fileName(o.Kind, o.Metadata.Name)
		seen[names[i]]++
	}
	for i, o := range objects {
		if seen[names[i]] > 1 && o.Metadata.Namespace != "" {
			names[i] = fileName(o.Kind, o.Metadata.Name+"."+o.Metadata.Namespace)
		}
	}
	return names
}

func fileName(kind, name string) string {
	return shorten(strings.ToLower(kind)+"-"+name, maxFile) + ".yaml"
}
