package oci

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/klauspost/compress/gzip"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/sink/disk"
	"github.com/fleetwright/fleetwright/render/layout"
)

// Limits for reading an artifact, which may be hostile. They are far above the size of a cluster.
const (
	mostCompressed = 64 << 20
	mostUnpacked   = 256 << 20
	mostFiles      = 1 << 20
)

// A published artifact is the one that a cluster's tag points at.
type published struct {
	*remote.Descriptor
	layer v1.Descriptor
	// revision of its inputs, from its manifest.
	revision string
	// config is the digest of its configuration.
	config v1.Hash
}

// find returns the artifact that a cluster's tag points at, or nil if the registry has no such tag.
func (f *Fleet) find(ctx context.Context, at name.Reference) (*published, error) {
	var d *remote.Descriptor
	err := again(ctx, func() (err error) {
		d, err = f.puller.Get(ctx, at)
		return err
	})
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m v1.Manifest
	if !d.MediaType.IsImage() || json.Unmarshal(d.Manifest, &m) != nil || len(m.Layers) != 1 || m.Layers[0].MediaType != layerType {
		return nil, foreign(at, "Flux cannot sync an artifact of this form")
	}
	return &published{d, m.Layers[0], m.Annotations[revisionAnnotation], m.Config.Digest}, nil
}

// foreign returns the error for an artifact of another tool.
func foreign(at name.Reference, why string) error {
	return diag.NewMistake(fmt.Sprintf("%s%s was not published by fleetwright: %s", Scheme, at.Name(), why),
		"publish to another path; if nothing needs the artifact, delete its tag first")
}

// pull returns the compressed layer of an artifact.
func (f *Fleet) pull(ctx context.Context, repository name.Repository, layer v1.Descriptor) ([]byte, error) {
	if layer.Size > mostCompressed {
		return nil, diag.NewMistake(fmt.Sprintf("%s%s has a layer of %d MB", Scheme, repository.Name(), layer.Size>>20), "fleetwright publishes no layer of this size: publish to another path")
	}
	l, err := f.puller.Layer(ctx, repository.Digest(layer.Digest.String()))
	if err != nil {
		return nil, err
	}
	var data []byte
	err = again(ctx, func() error {
		body, err := l.Compressed()
		if err != nil {
			return err
		}
		defer body.Close()
		data, err = io.ReadAll(io.LimitReader(body, layer.Size+1))
		return err
	})
	const hint = "roll back to another artifact with --from TAG, or delete the tag latest and publish again"
	switch {
	case isMissing(err):
		return nil, diag.NewMistake(fmt.Sprintf("%s%s: the registry has lost layer %s", Scheme, repository.Name(), layer.Digest), hint)
	case err == nil && describe(layer.MediaType, data).Digest != layer.Digest:
		return nil, diag.NewMistake(fmt.Sprintf("%s%s: the registry sends other bytes than layer %s", Scheme, repository.Name(), layer.Digest), hint)
	}
	return data, err
}

// again retries a read whose body was cut short: the library retries requests only.
func again(ctx context.Context, read func() error) error {
	wait := backoff.Duration
	for range backoff.Steps - 1 {
		err := read()
		if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
			wait = time.Duration(float64(wait) * backoff.Factor)
		}
	}
	return read()
}

// unpack returns the files of a layer.
func unpack(layer []byte, at name.Reference) (disk.Stored, error) {
	bad := func(format string, args ...any) (disk.Stored, error) {
		return disk.Stored{}, foreign(at, fmt.Sprintf(format, args...))
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(layer))
	if err != nil {
		return bad("its layer is not compressed by gzip")
	}
	// Twice the limit leaves room for headers, which are as large as small files.
	archive := tar.NewReader(io.LimitReader(unzipped, 2*mostUnpacked))
	files, left := map[string][]byte{}, int64(mostUnpacked)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return bad("its layer is not a tar archive")
		}
		name := strings.TrimPrefix(h.Name, "./")
		switch {
		case h.Typeflag == tar.TypeDir:
			continue
		case h.Typeflag != tar.TypeReg, !fs.ValidPath(name):
			return bad("its layer contains %s", diag.Plain(fmt.Sprintf("%q", h.Name)))
		case files[name] != nil || len(files) == mostFiles:
			return bad("its layer has too many files, or the same file twice")
		}
		if h.Size > left { // a sparse file has a size without the bytes
			return bad("its files have more than %d MB", mostUnpacked>>20)
		}
		left -= h.Size
		files[name] = make([]byte, h.Size)
		if _, err := io.ReadFull(archive, files[name]); err != nil {
			return bad("its layer ends within %q", name)
		}
	}
	if inventory := files[layout.InventoryFile]; !layout.IsInventory(inventory) {
		return bad("it has no inventory")
	}
	for name := range files {
		for i, c := range name {
			if c == '/' && files[name[:i]] != nil {
				return bad("its layer has %q as a file and as a directory", name[:i])
			}
		}
	}
	return disk.NewStored(files), nil
}
