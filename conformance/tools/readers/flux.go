package main

import (
	"fmt"
	"net/url"
	"os/exec"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/fluxcd/pkg/git"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/google/go-containerregistry/pkg/name"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// readByFlux does what source-controller does with URLs and references before it contacts a server, with the
// same libraries; its own packages are internal. It also rejects what a library leaves to the server, such as
// a URL without a host.
func readByFlux(objects []unstructured.Unstructured, a *answer) {
	for _, r := range of[sourcev1.GitRepository](objects, "GitRepository", a) {
		a.refuse("source-controller, url", gitURL(r.Spec.URL))
		if ref := r.Spec.Reference; ref != nil {
			a.refuse("source-controller, ref", gitReference(ref))
		}
	}
	for _, r := range of[sourcev1.HelmRepository](objects, "HelmRepository", a) {
		a.refuse("source-controller, url", helmURL(r))
	}
	for _, r := range of[sourcev1.OCIRepository](objects, "OCIRepository", a) {
		a.refuse("source-controller, url", ociURL(r))
	}
	for _, o := range objects {
		if o.GetKind() == "HelmRelease" {
			a.refuse("source-controller, chart version", chartVersion(o))
		}
	}
}

func withHost(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err == nil && u.Hostname() == "" {
		err = fmt.Errorf("%q has no host", text)
	}
	return u, err
}

// gitURL does the checks of internal/controller/gitrepository_controller.go, and the first ones of go-git.
func gitURL(text string) error {
	u, err := withHost(text)
	if err != nil {
		return err
	}
	data := map[string][]byte{"identity": []byte("key"), "known_hosts": []byte("host key"), "username": []byte("git"), "password": []byte("secret")}
	if _, err := git.NewAuthOptions(*u, data); err != nil {
		return err
	}
	_, err = transport.NewEndpoint(text)
	return err
}

// gitReference does what github.com/fluxcd/pkg/git/gogit does with the effective reference.
func gitReference(ref *sourcev1.GitRepositoryRef) error {
	if ref.Commit != "" && !plumbing.IsHash(ref.Commit) {
		return fmt.Errorf("%q is not a commit", ref.Commit)
	}
	if ref.SemVer != "" {
		if _, err := semver.NewConstraint(ref.SemVer); err != nil {
			return fmt.Errorf("%q: %w", ref.SemVer, err)
		}
	}
	for _, name := range []plumbing.ReferenceName{
		inSpace(ref.Branch, plumbing.NewBranchReferenceName), inSpace(ref.Tag, plumbing.NewTagReferenceName),
		// Flux's own suffix for the commit of a tag.
		plumbing.ReferenceName(strings.TrimSuffix(ref.Name, "^{}")),
	} {
		if name == "" {
			continue
		}
		if err := name.Validate(); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		if err := config.RefSpec("+" + name + ":" + name).Validate(); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		if name == plumbing.HEAD {
			continue // every server has such references, and only git check-ref-format rejects them
		}
		// Git's own check: no server can have such a reference.
		if err := exec.Command("git", "check-ref-format", string(name)).Run(); err != nil {
			return fmt.Errorf("%q: git check-ref-format: %w", name, err)
		}
	}
	return nil
}

func inSpace(short string, space func(string) plumbing.ReferenceName) plumbing.ReferenceName {
	if short == "" {
		return ""
	}
	return space(short)
}

// helmURL does the checks of NormalizeURL in internal/helm/repository/utils.go, and the first ones of the
// registry client.
func helmURL(r *sourcev1.HelmRepository) error {
	if _, err := withHost(r.Spec.URL); err != nil {
		return err
	}
	if r.Spec.Type != sourcev1.HelmRepositoryTypeOCI {
		return nil
	}
	text, isOCI := strings.CutPrefix(r.Spec.URL, sourcev1.OCIRepositoryPrefix)
	if !isOCI {
		return fmt.Errorf("invalid OCI registry URL: %s", r.Spec.URL)
	}
	// The client accepts a host without a dot, such as a registry in the cluster.
	_, err := name.NewRepository(strings.TrimRight(text, "/") + "/chart")
	return err
}

// ociURL does the checks of parseRepository in internal/controller/ocirepository_controller.go.
func ociURL(r *sourcev1.OCIRepository) error {
	text := strings.TrimPrefix(r.Spec.URL, sourcev1.OCIRepositoryPrefix)
	repository, err := name.NewRepository(text)
	if err != nil {
		return err
	}
	if parts := strings.Split(strings.TrimPrefix(text, repository.RegistryStr()), ":"); len(parts) > 1 {
		return fmt.Errorf("URL must not contain a tag; remove ':%s'", parts[1])
	}
	ref := r.Spec.Reference
	if ref == nil {
		return nil
	}
	if ref.SemVer != "" {
		if _, err := semver.NewConstraint(ref.SemVer); err != nil {
			return fmt.Errorf("semver '%s' parse error: %w", ref.SemVer, err)
		}
	}
	if ref.Digest != "" {
		if _, err := name.NewDigest(repository.Name() + "@" + ref.Digest); err != nil {
			return err
		}
	}
	if ref.Tag != "" {
		if _, err := name.NewTag(repository.Name() + ":" + ref.Tag); err != nil {
			return err
		}
	}
	return nil
}

// chartVersion does the checks of GetChartVersion in internal/helm/repository/chart_repository.go.
func chartVersion(release unstructured.Unstructured) error {
	version, _, _ := unstructured.NestedString(release.Object, "spec", "chart", "spec", "version")
	kind, _, _ := unstructured.NestedString(release.Object, "spec", "chart", "spec", "sourceRef", "kind")
	if version == "" || kind != sourcev1.HelmRepositoryKind {
		return nil
	}
	if _, err := semver.NewConstraint(version); err != nil {
		return fmt.Errorf("%q: %w", version, err)
	}
	return nil
}
