package oci

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Media types of artifacts, as flux push artifact sets them (fluxcd/pkg/oci v0.70, globals.go).
const (
	configType types.MediaType = "application/vnd.cncf.flux.config.v1+json"
	layerType  types.MediaType = "application/vnd.cncf.flux.content.v1.tar+gzip"
)

// Annotations of manifests, as flux push artifact sets them (fluxcd/pkg/oci v0.70, constants.go).
const (
	createdAnnotation  = "org.opencontainers.image.created"
	sourceAnnotation   = "org.opencontainers.image.source"
	revisionAnnotation = "org.opencontainers.image.revision"
)

// noTime is the creation time of every artifact, as with flux push artifact --reproducible.
const noTime = "1970-01-01T00:00:00Z"

// config is the configuration of every artifact (fluxcd/pkg/oci v0.70, push.go).
var config = []byte(`{"architecture":"","created":"` + noTime + `","os":"","rootfs":{"type":"layers","diff_ids":null},"config":{}}`)

// A manifest is the JSON of an artifact's manifest, as registries store it.
type manifest []byte

// newManifest returns the manifest of a layer, with the source and the revision of the inputs.
func newManifest(layer v1.Descriptor, source, revision string) (manifest, error) {
	return json.Marshal(v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		Config:        describe(configType, config),
		Layers:        []v1.Descriptor{layer},
		Annotations:   map[string]string{createdAnnotation: noTime, sourceAnnotation: source, revisionAnnotation: revision},
	})
}

// RawManifest and MediaType implement remote.Taggable.
func (m manifest) RawManifest() ([]byte, error)        { return m, nil }
func (m manifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// digest returns the digest of the manifest.
func (m manifest) digest() v1.Hash { return describe(types.OCIManifestSchema1, m).Digest }

// describe returns the descriptor of a blob, which may be in several parts.
func describe(mediaType types.MediaType, parts ...[]byte) v1.Descriptor {
	sum, size := sha256.New(), 0
	for _, part := range parts {
		sum.Write(part)
		size += len(part)
	}
	return v1.Descriptor{MediaType: mediaType, Size: int64(size), Digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}}
}

// A blob is a layer or a configuration to push. Its bytes may be in several parts.
type blob struct {
	v1.Descriptor
	parts [][]byte
}

func newBlob(mediaType types.MediaType, parts ...[]byte) *blob {
	return &blob{describe(mediaType, parts...), parts}
}

// layer returns the blob as the library pushes it.
func (b *blob) layer() v1.Layer {
	return static.NewLayer(bytes.Join(b.parts, nil), b.Descriptor.MediaType)
}
