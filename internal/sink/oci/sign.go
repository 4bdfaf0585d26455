package oci

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// bundleType is the prefix of the type of cosign 3's signatures.
const bundleType = "application/vnd.dev.sigstore.bundle"

// isSigned reports whether an artifact has a cosign signature of anybody: a tag, as of cosign 2, or a referrer.
func (f *Fleet) isSigned(ctx context.Context, at name.Digest) (bool, error) {
	tag := strings.Replace(at.DigestStr(), ":", "-", 1) + ".sig"
	if _, err := f.puller.Head(ctx, at.Context().Tag(tag)); !isMissing(err) {
		return err == nil, err
	}
	index, err := remote.Referrers(at, append([]remote.Option{remote.WithContext(ctx)}, f.options...)...)
	if err != nil {
		return false, err
	}
	referrers, err := index.IndexManifest()
	if err != nil {
		return false, err
	}
	for _, r := range referrers.Manifests {
		if strings.HasPrefix(r.ArtifactType, bundleType) {
			return true, nil
		}
	}
	return false, nil
}

// mostReferences is the number of artifacts that one run of cosign signs.
const mostReferences = 50

// Cosign returns a function that signs artifacts with the installed cosign: with a key, or without one under the
// identity of the user. With a key, nothing goes to a transparency log: source-controller requires no entry there
// (internal/oci/cosign/cosign.go), and a log is public.
//
// Without a key, cosign may prompt the user, so its output goes to stderr.
func Cosign(key string, insecure bool, stderr io.Writer) (func(ctx context.Context, references []string) error, error) {
	path, err := exec.LookPath("cosign")
	if err != nil {
		return nil, diag.NewMistake("cosign is not installed", "install it (docs.sigstore.dev/cosign), or omit --sign")
	}
	args := []string{"sign", "--yes"}
	if key != "" {
		args = append(args, "--key", key, "--tlog-upload=false")
		// cosign 3 uses the log by default; cosign before 2.6 does not know the flag.
		if help, err := exec.Command(path, "sign", "--help").CombinedOutput(); err == nil && bytes.Contains(help, []byte("--use-signing-config")) {
			args = append(args, "--use-signing-config=false")
		}
	}
	if insecure {
		args = append(args, "--allow-http-registry", "--allow-insecure-registry")
	}
	return func(ctx context.Context, references []string) error {
		for some := range slices.Chunk(references, mostReferences) {
			cmd := exec.CommandContext(ctx, path, append(slices.Clip(args), some...)...)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			if key == "" {
				cmd.Stdout, cmd.Stderr = stderr, stderr
			}
			if err := cmd.Run(); err != nil {
				all := []error{fmt.Errorf("cosign cannot sign: %w", cmp.Or(ctx.Err(), err))}
				for line := range strings.Lines(said.String()) {
					all = append(all, errors.New(diag.Plain(strings.TrimSuffix(line, "\n"))))
				}
				return errors.Join(all...)
			}
		}
		return nil
	}, nil
}
