package oci

import (
	"archive/tar"
	"bytes"
	"cmp"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/fleetwright/fleetwright/internal/sink/disk"
	"github.com/fleetwright/fleetwright/render"
)

// gzipLevel is the compression level of layers. Another level, or another release of the library, changes the bytes
// of the same files, so every cluster would get a new artifact.
const gzipLevel = 6

// A file is a file in a layer.
type file struct {
	path    string
	content []byte
	sum     [sha256.Size]byte
}

// filesOf returns the rendered files of a cluster and its stored files that stay unchanged, sorted by path.
func filesOf(cluster *render.Cluster, stored disk.Stored, left []string) []file {
	files := make([]file, 0, cluster.Len()+len(left))
	for f := range cluster.Files() {
		files = append(files, file{f.Path, f.Content, f.Sum})
	}
	for _, name := range left {
		content := stored.Content(name)
		files = append(files, file{name, content, sha256.Sum256(content)})
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.path, b.path) })
	return files
}

// A packer makes layers. A layer is a tar of files sorted by path, without times and owners. It is compressed in
// parts, one for each name at its root: consecutive gzip members are one stream (RFC 1952, 2.2). Parts that many
// clusters share are compressed once, and the bytes of a part depend only on its files.
type packer struct {
	mu    sync.Mutex
	parts map[[sha256.Size]byte]*part
	// writers holds idle compressors.
	writers sync.Pool
}

// A part is a compressed part of a layer, made once.
type part struct {
	once sync.Once
	data []byte
	err  error
}

func newPacker() *packer {
	return &packer{parts: map[[sha256.Size]byte]*part{}}
}

// pack returns the layer of sorted files.
func (p *packer) pack(files []file) (*blob, error) {
	var parts [][]byte
	for len(files) > 0 {
		top, _, _ := strings.Cut(files[0].path, "/")
		n := 1
		for n < len(files) && isBelow(files[n].path, top) {
			n++
		}
		data, err := p.part(files[:n])
		if err != nil {
			return nil, err
		}
		parts, files = append(parts, data), files[n:]
	}
	end, err := p.part(nil)
	if err != nil {
		return nil, err
	}
	return newBlob(layerType, append(parts, end)...), nil
}

// isBelow reports whether a path is below a directory.
func isBelow(path, top string) bool {
	rest, ok := strings.CutPrefix(path, top)
	return ok && strings.HasPrefix(rest, "/")
}

// part returns the compressed entries of files, or the end of the tar if there are no files.
func (p *packer) part(files []file) ([]byte, error) {
	sum := sha256.New()
	for _, f := range files {
		sum.Write([]byte(f.path))
		sum.Write([]byte{0})
		sum.Write(f.sum[:])
	}
	key := [sha256.Size]byte(sum.Sum(nil))
	p.mu.Lock()
	made, ok := p.parts[key]
	if !ok {
		made = &part{}
		p.parts[key] = made
	}
	p.mu.Unlock()
	made.once.Do(func() { made.data, made.err = p.compress(files) })
	return made.data, made.err
}

func (p *packer) compress(files []file) ([]byte, error) {
	var data bytes.Buffer
	zipped, ok := p.writers.Get().(*gzip.Writer)
	if !ok {
		var err error
		if zipped, err = gzip.NewWriterLevel(&data, gzipLevel); err != nil {
			return nil, err
		}
	}
	zipped.Reset(&data)
	defer p.writers.Put(zipped)
	archive := tar.NewWriter(zipped)
	for _, f := range files {
		if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.path, Mode: 0o644, Size: int64(len(f.content))}); err != nil {
			return nil, err
		}
		if _, err := archive.Write(f.content); err != nil {
			return nil, err
		}
	}
	end := archive.Flush
	if len(files) == 0 {
		end = archive.Close
	}
	if err := end(); err != nil {
		return nil, err
	}
	if err := zipped.Close(); err != nil {
		return nil, err
	}
	return bytes.Clone(data.Bytes()), nil
}
