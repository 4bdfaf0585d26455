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

// The media types of what flux push artifact pushes (fluxcd/pkg/oci v0.70, globals.go).
const (
	configType types.MediaType = "application/vnd.cncf.flux.config.v1+json"
	layerType  types.MediaType = "application/vnd.cncf.flux.content.v1.tar+gzip"
)

// The annotations of its manifests (fluxcd/pkg/oci v0.70, constants.go).
const (
	createdAnnotation  = "org.opencontainers.image.created"
	sourceAnnotation   = "org.opencontainers.image.source"
	revisionAnnotation = "org.opencontainers.image.revision"
)

// noTime is when everything was created, as by flux push artifact --reproducible.
const noTime = "1970-01-01T00:00:00Z"

// config is the configuration of every artifact (fluxcd/pkg/oci v0.70, push.go).
var config = []byte(`{"architecture":"","created":"` + noTime + `","os":"","rootfs":{"type":"layers","diff_ids":null},"config":{}}`)

// A manifest is that of an artifact, as registries store it.
type manifest []byte

// newManifest returns the manifest of a layer, with where its inputs are from.
func newManifest(layer v1.Descriptor, source, revision string) (manifest, error) {
	return json.Marshal(v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		Config:        describe(configType, config),
		Layers:        []v1.Descriptor{layer},
		Annotations:   map[string]string{createdAnnotation: noTime, sourceAnnotation: source, revisionAnnotation: revision},
	})
}

// RawManifest and MediaType make it a remote.Taggable.
func (m manifest) RawManifest() ([]byte, error)        { return m, nil }
func (m manifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// digest returns what the manifest is known by.
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

// A blob is a layer, or a configuration, that is pushed. It may be in several parts.
type blob struct {
	v1.Descriptor
	parts [][]byte
}

func newBlob(mediaType types.MediaType, parts ...[]byte) *blob {
	return &blob{describe(mediaType, parts...), parts}
}

// layer returns what is pushed.
func (b *blob) layer() v1.Layer {
	return static.NewLayer(bytes.Join(b.parts, nil), b.Descriptor.MediaType)
}
