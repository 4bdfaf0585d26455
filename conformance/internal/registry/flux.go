package registry

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fluxcd/pkg/oci"
	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/tar"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
)

// Push pushes a directory as `flux push artifact` does, and returns the digest of the manifest. If meta has
// no created time, it is the time of the push.
func Push(ctx context.Context, reference, dir string, meta oci.Metadata, options ...crane.Option) (digest string, err error) {
	ignored := strings.Split(sourceignore.ExcludeVCS+","+sourceignore.ExcludeExt, ",")
	at, err := oci.NewClient(options).Push(ctx, reference, dir, oci.WithPushMetadata(meta), oci.WithPushIgnorePaths(ignored...))
	if err != nil {
		return "", err
	}
	pushed, err := name.NewDigest(at)
	return pushed.DigestStr(), err
}

// An Artifact is source-controller's view of an artifact.
type Artifact struct {
	// Revision is Flux's revision of the artifact: the tag with the digest.
	Revision string
	// Annotations are the manifest's.
	Annotations map[string]string
	// Files holds the files by path, with slashes. It omits those that Flux ignores.
	Files map[string][]byte
}

// Pull pulls the artifact of a tag as source-controller 1.9.6 does: all of the first layer, without the files
// that Flux ignores.
func Pull(ctx context.Context, reference string, options ...crane.Option) (*Artifact, error) {
	tag, err := name.NewTag(reference)
	if err != nil {
		return nil, err
	}
	digest, err := crane.Digest(reference, append(options, crane.WithContext(ctx))...)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "artifact-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	image, err := crane.Pull(tag.Context().Digest(digest).String(), append(options, crane.WithContext(ctx))...)
	if err != nil {
		return nil, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return nil, err
	}
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	if len(layers) == 0 {
		return nil, fmt.Errorf("no layers found in %s", reference)
	}
	blob, err := layers[0].Compressed()
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	if err := tar.Untar(blob, dir, tar.WithMaxUntarSize(tar.UnlimitedUntarSize), tar.WithSkipSymlinks()); err != nil {
		return nil, err
	}
	// Flux stops at the end of the archive. Reading to the end of the blob verifies its digest.
	if _, err := io.Copy(io.Discard, blob); err != nil {
		return nil, err
	}
	files, err := unignored(dir)
	return &Artifact{Revision: tag.TagStr() + "@" + digest, Annotations: manifest.Annotations, Files: files}, err
}

// unignored returns the files of a directory that source-controller keeps.
func unignored(dir string) (map[string][]byte, error) {
	domain := strings.Split(dir, string(filepath.Separator))
	patterns, err := sourceignore.LoadIgnorePatterns(dir, domain)
	if err != nil {
		return nil, err
	}
	ignored := sourceignore.NewDefaultMatcher(nil, domain)
	if len(patterns) > 0 {
		ignored = sourceignore.NewMatcher(append(sourceignore.VCSPatterns(domain), patterns...))
	}
	files := map[string][]byte{}
	return files, filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || ignored.Match(strings.Split(file, string(filepath.Separator)), false) {
			return err
		}
		data, err := os.ReadFile(file)
		files[filepath.ToSlash(strings.TrimPrefix(file, dir+string(filepath.Separator)))] = data
		return err
	})
}
