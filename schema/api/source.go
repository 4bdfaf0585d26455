package api

// ApplicationSource is where the manifests come from.
type ApplicationSource struct {
	// GitRepository is a Flux GitRepository.
	// +fleetwright:becomes=a GitRepository
	GitRepository *GitRepository `json:"gitRepository,omitempty"`

	// HelmRepository is a Flux HelmRepository, for policies with helm.
	// +fleetwright:becomes=a HelmRepository, for policies with helm
	HelmRepository *HelmRepository `json:"helmRepository,omitempty"`

	// OCIRepository is a Flux OCIRepository: one artifact of manifests, or one chart.
	// +fleetwright:becomes=an OCIRepository: manifests, or one chart
	OCIRepository *OCIRepository `json:"ociRepository,omitempty"`

	// Existing names a Flux source that is on every cluster already, or on the hub: it is used, and none is
	// rendered (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.sourceRef` of the policies' objects, and no source
	Existing *ExistingSource `json:"existing,omitempty"`
}

// ExistingSource names a Flux source that somebody else has made.
// +fleetwright:becomes=`spec.sourceRef.{path}` of the Flux Kustomization, and of the chart of the HelmRelease
type ExistingSource struct {
	// Kind of the source. A HelmRepository holds charts only. ExternalArtifact needs Flux 2.7 or newer.
	Kind string `json:"kind" enum:"GitRepository,OCIRepository,HelmRepository,Bucket,ExternalArtifact"`

	// Name of the source.
	Name string `json:"name" format:"dns-subdomain" example:"flux-system"`

	// Namespace of the source; without it, the Application's.
	// +fleetwright:example=flux-system
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`
}

// GitRepository is the spec of a Flux GitRepository in the v1beta2 shape that Kurator has.
// +fleetwright:becomes=`spec.{path}` of the GitRepository (v1)
type GitRepository struct {
	// URL of the repository, over HTTP, HTTPS or SSH.
	URL string `json:"url" pattern:"^(http|https|ssh)://.*$" format:"git-url" example:"https://github.com/stefanprodan/podinfo"`

	// SecretRef names the Secret with the credentials. It must exist in the
	// Application's namespace on every cluster that the Application goes to.
	SecretRef *LocalReference `json:"secretRef,omitempty"`

	// Interval at which the repository is polled. With 0s it is fetched once
	// and never again, so it must be more.
	// +fleetwright:becomes=`spec.{path}` of the GitRepository (v1); 0s is refused (FW501)
	Interval Duration `json:"interval" example:"3m0s"`

	// Provider that logs in to the repository (fleetwright extension; aws with Flux 2.9 or newer).
	// +kubebuilder:default=generic
	// +fleetwright:extension
	Provider string `json:"provider,omitempty" enum:"generic,aws,azure,github"`

	// ServiceAccountName is the account that logs in, for the providers azure and aws (fleetwright
	// extension; Flux 2.7 or newer).
	// +fleetwright:extension
	// +fleetwright:example=puller
	ServiceAccountName string `json:"serviceAccountName,omitempty" format:"dns-subdomain"`

	// ProxySecretRef names the Secret with the address and credentials of a proxy (fleetwright extension).
	// +fleetwright:extension
	ProxySecretRef *LocalReference `json:"proxySecretRef,omitempty"`

	// SparseCheckout are the directories that are fetched; without it, all (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:example=["./deploy"]
	SparseCheckout []string `json:"sparseCheckout,omitempty" format:"source-file"`

	// Timeout of Git operations such as cloning.
	// +kubebuilder:default=60s
	Timeout SourceTimeout `json:"timeout,omitempty"`

	// Ref is what to check out.
	Ref *GitReference `json:"ref,omitempty"`

	// Verify asks for a signature of the commit.
	// +fleetwright:becomes=`spec.{path}` of the GitRepository (v1), with the mode HEAD
	Verify *GitVerification `json:"verify,omitempty"`

	// Ignore replaces the patterns, in the format of .gitignore, of what is left
	// out of the artifact.
	// +fleetwright:example=/*.md
	Ignore *string `json:"ignore,omitempty"`

	// Suspend stops polling.
	Suspend bool `json:"suspend,omitempty"`

	// GitImplementation was removed from Flux; it is accepted and left out.
	// +fleetwright:becomes=left out, with a warning (FW502) for libgit2: Flux has removed it
	GitImplementation string `json:"gitImplementation,omitempty" enum:"go-git,libgit2"`

	// RecurseSubmodules clones the submodules too.
	RecurseSubmodules bool `json:"recurseSubmodules,omitempty"`

	// Include merges the artifacts of other GitRepositories into this one.
	Include []GitInclude `json:"include,omitempty"`

	// AccessFrom was never implemented by Flux and was removed from it; it is
	// accepted and left out.
	// +fleetwright:becomes=left out with a warning (FW502): Flux has removed it
	AccessFrom any `json:"accessFrom,omitempty"`
}

// GitReference is what to check out. Commit overrides Name, Name overrides
// Tag, Tag overrides SemVer, SemVer overrides Branch.
type GitReference struct {
	// Branch to check out.
	// +kubebuilder:default=master
	Branch string `json:"branch,omitempty" format:"git-branch"`

	// Tag to check out.
	// +fleetwright:example=v1.2.0
	Tag string `json:"tag,omitempty" format:"git-tag"`

	// SemVer range of tags, of which the newest is checked out.
	// +fleetwright:example=>=1.0.0 <2.0.0
	SemVer string `json:"semver,omitempty" format:"semver"`

	// Name is a full Git reference.
	// +fleetwright:example=refs/heads/main
	Name string `json:"name,omitempty" format:"git-ref"`

	// Commit is the SHA to check out.
	// +fleetwright:example=69d4a9f2a2d5e4b1c0f3a8b7c6d5e4f3a2b1c0d9
	Commit string `json:"commit,omitempty" pattern:"^[0-9a-fA-F]{40}$"`
}

// GitVerification asks for a signature of the commit.
type GitVerification struct {
	// Mode says what is verified: the commit that HEAD points to, the tag, or both. Tag and TagAndHEAD are a
	// fleetwright extension.
	Mode string `json:"mode" enum:"head,HEAD,Tag,TagAndHEAD"`

	// SecretRef names the Secret with the public keys.
	SecretRef LocalReference `json:"secretRef"`
}

// GitInclude merges the artifact of another GitRepository into this one.
type GitInclude struct {
	// Repository names the other GitRepository.
	Repository LocalReference `json:"repository"`

	// FromPath is the directory to copy from, by default the root.
	// +fleetwright:example=deploy/base
	FromPath string `json:"fromPath,omitempty" format:"source-path"`

	// ToPath is the directory to copy to, by default the repository's name.
	// +fleetwright:example=base
	ToPath string `json:"toPath,omitempty" format:"source-path"`
}

// HelmRepository is the spec of a Flux HelmRepository in the v1beta2 shape that Kurator has.
// +fleetwright:becomes=`spec.{path}` of the HelmRepository (v1)
type HelmRepository struct {
	// URL of the repository, over HTTP, HTTPS or OCI.
	URL string `json:"url" pattern:"^(http|https|oci)://.*$" format:"helm-url" example:"https://stefanprodan.github.io/podinfo"`

	// SecretRef names the Secret with the credentials. It must exist in the
	// Application's namespace on every cluster that the Application goes to.
	SecretRef *LocalReference `json:"secretRef,omitempty"`

	// CertSecretRef names the Secret with certificates of the client or the server's authority (fleetwright
	// extension).
	// +fleetwright:extension
	CertSecretRef *LocalReference `json:"certSecretRef,omitempty"`

	// Insecure talks to a registry without TLS (fleetwright extension).
	// +fleetwright:extension
	Insecure bool `json:"insecure,omitempty"`

	// PassCredentials sends the credentials to other hosts that the repository's index names, too.
	PassCredentials bool `json:"passCredentials,omitempty"`

	// Interval at which the index is fetched. A registry has none: of type oci nothing is polled.
	Interval Duration `json:"interval" example:"5m0s"`

	// Timeout of fetching the index and charts.
	// +kubebuilder:default=60s
	Timeout SourceTimeout `json:"timeout,omitempty"`

	// Suspend stops polling.
	Suspend bool `json:"suspend,omitempty"`

	// AccessFrom was never implemented by Flux; it is passed on.
	AccessFrom *AccessFrom `json:"accessFrom,omitempty"`

	// Type of the repository: default for an index over HTTP, oci for a registry.
	// Without it, the URL tells.
	// +fleetwright:becomes=`spec.{path}` of the HelmRepository (v1), and oci wherever the URL is a registry's
	Type string `json:"type,omitempty" enum:"default,oci"`

	// Provider that logs in to the registry, for type oci.
	// +kubebuilder:default=generic
	Provider string `json:"provider,omitempty" enum:"generic,aws,azure,gcp"`
}

// AccessFrom says which namespaces may refer to a source. Flux never implemented it.
type AccessFrom struct {
	// NamespaceSelectors are the selectors of these namespaces, any of which may match.
	NamespaceSelectors []NamespaceSelector `json:"namespaceSelectors"`
}

// NamespaceSelector selects namespaces by their labels.
type NamespaceSelector struct {
	// MatchLabels are the labels that a namespace must have, all of them.
	// +fleetwright:example={"team": "shop"}
	MatchLabels map[string]LabelValue `json:"matchLabels,omitempty"`
}

// OCIRepository is the spec of a Flux OCIRepository in the v1beta2 shape that Kurator has.
// +fleetwright:becomes=`spec.{path}` of the OCIRepository (v1)
type OCIRepository struct {
	// URL of the artifact in its registry, without a tag.
	URL string `json:"url" pattern:"^oci://[a-zA-Z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$" format:"oci-url" example:"oci://ghcr.io/stefanprodan/manifests/podinfo"`

	// Ref is which version of the artifact is pulled.
	Ref *OCIReference `json:"ref,omitempty"`

	// LayerSelector says which layer of the artifact is taken. For a chart
	// fleetwright asks for the layer that holds it.
	// +fleetwright:becomes=`spec.{path}` of the OCIRepository (v1); without it, that of a chart for policies with helm
	LayerSelector *OCILayerSelector `json:"layerSelector,omitempty"`

	// Provider that logs in to the registry.
	// +kubebuilder:default=generic
	Provider string `json:"provider,omitempty" enum:"generic,aws,azure,gcp"`

	// SecretRef names the Secret, of type kubernetes.io/dockerconfigjson, with the credentials. It
	// must exist in the source's namespace on every cluster that has the source.
	SecretRef *LocalReference `json:"secretRef,omitempty"`

	// Verify asks for a signature of the artifact.
	Verify *OCIVerification `json:"verify,omitempty"`

	// ServiceAccountName is the account whose image pull secrets are used.
	// +fleetwright:example=puller
	ServiceAccountName string `json:"serviceAccountName,omitempty" format:"dns-subdomain"`

	// CertSecretRef names the Secret with certificates of the client or the registry's authority.
	CertSecretRef *LocalReference `json:"certSecretRef,omitempty"`

	// ProxySecretRef names the Secret with the address and credentials of a proxy (fleetwright extension).
	// +fleetwright:extension
	ProxySecretRef *LocalReference `json:"proxySecretRef,omitempty"`

	// Interval at which the registry is polled. With 0s the artifact is pulled
	// once and never again, so it must be more.
	// +fleetwright:becomes=`spec.{path}` of the OCIRepository (v1); 0s is refused (FW501)
	Interval Duration `json:"interval" example:"5m0s"`

	// Timeout of pulling.
	// +kubebuilder:default=60s
	Timeout SourceTimeout `json:"timeout,omitempty"`

	// Ignore replaces the patterns, in the format of .gitignore, of what is left
	// out of the artifact.
	// +fleetwright:example=/*.md
	Ignore *string `json:"ignore,omitempty"`

	// Insecure talks to the registry without TLS.
	Insecure bool `json:"insecure,omitempty"`

	// Suspend stops polling.
	Suspend bool `json:"suspend,omitempty"`
}

// OCIReference is which version of an artifact is pulled. Digest overrides SemVer,
// SemVer overrides Tag.
type OCIReference struct {
	// Digest of the artifact.
	// +fleetwright:example=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
	Digest string `json:"digest,omitempty" pattern:"^sha256:[0-9a-f]{64}$"`

	// SemVer range of tags, of which the newest is pulled.
	// +fleetwright:example=>=6.0.0 <7.0.0
	SemVer string `json:"semver,omitempty" format:"semver"`

	// SemVerFilter is a regular expression of the tags that semver is compared with (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:example=.*-rc.*
	SemVerFilter string `json:"semverFilter,omitempty" format:"regexp"`

	// Tag to pull.
	// +kubebuilder:default=latest
	Tag string `json:"tag,omitempty" format:"oci-tag"`
}

// OCILayerSelector says which layer of an artifact is taken.
type OCILayerSelector struct {
	// MediaType of the layer; without it, the first one.
	// +fleetwright:example=application/vnd.cncf.helm.chart.content.v1.tar+gzip
	MediaType string `json:"mediaType,omitempty" format:"media-type"`

	// Operation that is done with the layer: extract unpacks it, copy keeps it.
	// +kubebuilder:default=extract
	Operation string `json:"operation,omitempty" enum:"extract,copy"`
}

// OCIVerification asks for a signature of an artifact.
type OCIVerification struct {
	ChartVerification `json:",inline"`

	// MatchOIDCIdentity are the identities of which cosign's keyless verification accepts one; without
	// it, any (fleetwright extension).
	// +fleetwright:extension
	MatchOIDCIdentity []OIDCIdentity `json:"matchOIDCIdentity,omitempty"`

	// TrustedRootSecretRef names the Secret with trusted_root.json, for a Sigstore of one's own (fleetwright
	// extension; Flux 2.9 or newer).
	// +fleetwright:extension
	TrustedRootSecretRef *LocalReference `json:"trustedRootSecretRef,omitempty"`
}

// ChartVerification asks for a signature of a chart, or of another artifact.
type ChartVerification struct {
	// Provider of the signature. notation is a fleetwright extension.
	// +kubebuilder:default=cosign
	Provider string `json:"provider,omitempty" enum:"cosign,notation"`

	// SecretRef names the Secret with the public keys; without it, cosign's
	// keyless verification is used.
	SecretRef *LocalReference `json:"secretRef,omitempty"`
}

// OIDCIdentity is who may have signed an artifact.
type OIDCIdentity struct {
	// Issuer is a regular expression of the issuer.
	Issuer string `json:"issuer" format:"regexp" example:"^https://token.actions.githubusercontent.com$"`

	// Subject is a regular expression of the subject.
	Subject string `json:"subject" format:"regexp" example:"^https://github.com/stefanprodan/podinfo.*$"`
}
