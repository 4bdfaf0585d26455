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

// gzipLevel is how hard layers are compressed. Another level, or another release of the library, makes other bytes
// of the same files, so that every cluster gets its artifact anew.
const gzipLevel = 6

// A file is one of a layer.
type file struct {
	path    string
	content []byte
	sum     [sha256.Size]byte
}

// filesOf returns the files of a cluster, and those of its stored ones that are left as they are, by path.
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
// parts, one for each name at its root: gzip members one behind the other are one stream (RFC 1952, 2.2). So what
// many clusters get is compressed once, and what a part holds depends on its files alone.
type packer struct {
	mu    sync.Mutex
	parts map[[sha256.Size]byte]*part
	// writers are compressors that are not in use.
	writers sync.Pool
}

// A part of a layer is made once.
type part struct {
	once sync.Once
	data []byte
	err  error
}

func newPacker() *packer {
	return &packer{parts: map[[sha256.Size]byte]*part{}}
}

// pack returns the layer of files, which are sorted.
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

// isBelow reports whether a path begins with a name.
func isBelow(path, top string) bool {
	rest, ok := strings.CutPrefix(path, top)
	return ok && strings.HasPrefix(rest, "/")
}

// part returns the compressed entries of files, or without any the end of the tar.
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
