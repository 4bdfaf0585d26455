package api

// ApplicationSource is the source of the manifests.
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

	// Existing names a Flux source that already exists on every cluster, or on the hub. fleetwright renders
	// none (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:becomes=`spec.sourceRef` of the policies' objects, and no source
	Existing *ExistingSource `json:"existing,omitempty"`
}

// ExistingSource names a Flux source that fleetwright does not render.
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

// GitRepository is the spec of a Flux GitRepository with the v1beta2 fields that Kurator has.
// +fleetwright:becomes=`spec.{path}` of the GitRepository (v1)
type GitRepository struct {
	// URL of the repository, over HTTP, HTTPS or SSH.
	URL string `json:"url" pattern:"^(http|https|ssh)://.*$" format:"git-url" example:"https://github.com/stefanprodan/podinfo"`

	// SecretRef names the Secret with the credentials. It must exist in the
	// Application's namespace on every cluster that the Application goes to.
	SecretRef *LocalReference `json:"secretRef,omitempty"`

	// Interval at which Flux polls the repository. 0s is rejected: Flux would
	// fetch once and never again.
	// +fleetwright:becomes=`spec.{path}` of the GitRepository (v1); 0s is rejected (FW501)
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

	// SparseCheckout lists the directories to fetch; without it, all (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:example=["./deploy"]
	SparseCheckout []string `json:"sparseCheckout,omitempty" format:"source-file"`

	// Timeout of Git operations such as cloning.
	// +kubebuilder:default=60s
	Timeout SourceTimeout `json:"timeout,omitempty"`

	// Ref is the Git reference to check out.
	Ref *GitReference `json:"ref,omitempty"`

	// Verify requires a signature of the commit.
	// +fleetwright:becomes=`spec.{path}` of the GitRepository (v1), with the mode HEAD
	Verify *GitVerification `json:"verify,omitempty"`

	// Ignore replaces the patterns, in .gitignore format, of the files that the
	// artifact omits.
	// +fleetwright:example=/*.md
	Ignore *string `json:"ignore,omitempty"`

	// Suspend stops polling.
	Suspend bool `json:"suspend,omitempty"`

	// GitImplementation was removed from Flux; it is accepted and not rendered.
	// +fleetwright:becomes=not rendered, with a warning (FW502) for libgit2: Flux has removed it
	GitImplementation string `json:"gitImplementation,omitempty" enum:"go-git,libgit2"`

	// RecurseSubmodules clones the submodules too.
	RecurseSubmodules bool `json:"recurseSubmodules,omitempty"`

	// Include merges the artifacts of other GitRepositories into this one.
	Include []GitInclude `json:"include,omitempty"`

	// AccessFrom was never implemented by Flux and then removed; it is
	// accepted and not rendered.
	// +fleetwright:becomes=not rendered, with a warning (FW502): Flux has removed it
	AccessFrom any `json:"accessFrom,omitempty"`
}

// GitReference is the Git reference to check out. Commit overrides Name, Name overrides
// Tag, Tag overrides SemVer, SemVer overrides Branch.
type GitReference struct {
	// Branch to check out.
	// +kubebuilder:default=master
	Branch string `json:"branch,omitempty" format:"git-branch"`

	// Tag to check out.
	// +fleetwright:example=v1.2.0
	Tag string `json:"tag,omitempty" format:"git-tag"`

	// SemVer is a range of tags; Flux checks out the newest.
	// +fleetwright:example=>=1.0.0 <2.0.0
	SemVer string `json:"semver,omitempty" format:"semver"`

	// Name is a full Git reference.
	// +fleetwright:example=refs/heads/main
	Name string `json:"name,omitempty" format:"git-ref"`

	// Commit is the SHA to check out.
	// +fleetwright:example=69d4a9f2a2d5e4b1c0f3a8b7c6d5e4f3a2b1c0d9
	Commit string `json:"commit,omitempty" pattern:"^[0-9a-fA-F]{40}$"`
}

// GitVerification requires a signature of the commit.
type GitVerification struct {
	// Mode selects the verified object: the commit that HEAD points to, the tag, or both. Tag and TagAndHEAD are a
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

// HelmRepository is the spec of a Flux HelmRepository with the v1beta2 fields that Kurator has.
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

	// PassCredentials also sends the credentials to other hosts that the repository's index names.
	PassCredentials bool `json:"passCredentials,omitempty"`

	// Interval at which Flux fetches the index. For type oci, Flux polls nothing: a registry has no index.
	Interval Duration `json:"interval" example:"5m0s"`

	// Timeout of fetching the index and charts.
	// +kubebuilder:default=60s
	Timeout SourceTimeout `json:"timeout,omitempty"`

	// Suspend stops polling.
	Suspend bool `json:"suspend,omitempty"`

	// AccessFrom was never implemented by Flux; it is rendered unchanged.
	AccessFrom *AccessFrom `json:"accessFrom,omitempty"`

	// Type of the repository: default for an index over HTTP, oci for a registry.
	// Without it, the URL decides.
	// +fleetwright:becomes=`spec.{path}` of the HelmRepository (v1), oci whenever the URL is a registry's
	Type string `json:"type,omitempty" enum:"default,oci"`

	// Provider that logs in to the registry, for type oci.
	// +kubebuilder:default=generic
	Provider string `json:"provider,omitempty" enum:"generic,aws,azure,gcp"`
}

// AccessFrom selects the namespaces that may refer to a source. Flux never implemented it.
type AccessFrom struct {
	// NamespaceSelectors select the namespaces; one match is enough.
	NamespaceSelectors []NamespaceSelector `json:"namespaceSelectors"`
}

// NamespaceSelector selects namespaces by their labels.
type NamespaceSelector struct {
	// MatchLabels are the labels that a namespace must have, all of them.
	// +fleetwright:example={"team": "shop"}
	MatchLabels map[string]LabelValue `json:"matchLabels,omitempty"`
}

// OCIRepository is the spec of a Flux OCIRepository with the v1beta2 fields that Kurator has.
// +fleetwright:becomes=`spec.{path}` of the OCIRepository (v1)
type OCIRepository struct {
	// URL of the artifact in its registry, without a tag.
	URL string `json:"url" pattern:"^oci://[a-zA-Z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$" format:"oci-url" example:"oci://ghcr.io/stefanprodan/manifests/podinfo"`

	// Ref is the version of the artifact to pull.
	Ref *OCIReference `json:"ref,omitempty"`

	// LayerSelector selects the layer of the artifact. For a chart, fleetwright
	// selects the layer that holds it.
	// +fleetwright:becomes=`spec.{path}` of the OCIRepository (v1); without it, the layer of a chart for policies with helm
	LayerSelector *OCILayerSelector `json:"layerSelector,omitempty"`

	// Provider that logs in to the registry.
	// +kubebuilder:default=generic
	Provider string `json:"provider,omitempty" enum:"generic,aws,azure,gcp"`

	// SecretRef names the Secret, of type kubernetes.io/dockerconfigjson, with the credentials. It
	// must exist in the source's namespace on every cluster that has the source.
	SecretRef *LocalReference `json:"secretRef,omitempty"`

	// Verify requires a signature of the artifact.
	Verify *OCIVerification `json:"verify,omitempty"`

	// ServiceAccountName is the account whose image pull secrets are used.
	// +fleetwright:example=puller
	ServiceAccountName string `json:"serviceAccountName,omitempty" format:"dns-subdomain"`

	// CertSecretRef names the Secret with certificates of the client or the registry's authority.
	CertSecretRef *LocalReference `json:"certSecretRef,omitempty"`

	// ProxySecretRef names the Secret with the address and credentials of a proxy (fleetwright extension).
	// +fleetwright:extension
	ProxySecretRef *LocalReference `json:"proxySecretRef,omitempty"`

	// Interval at which Flux polls the registry. 0s is rejected: Flux would pull
	// the artifact once and never again.
	// +fleetwright:becomes=`spec.{path}` of the OCIRepository (v1); 0s is rejected (FW501)
	Interval Duration `json:"interval" example:"5m0s"`

	// Timeout of pulling.
	// +kubebuilder:default=60s
	Timeout SourceTimeout `json:"timeout,omitempty"`

	// Ignore replaces the patterns, in .gitignore format, of the files that the
	// artifact omits.
	// +fleetwright:example=/*.md
	Ignore *string `json:"ignore,omitempty"`

	// Insecure talks to the registry without TLS.
	Insecure bool `json:"insecure,omitempty"`

	// Suspend stops polling.
	Suspend bool `json:"suspend,omitempty"`
}

// OCIReference is the version of an artifact to pull. Digest overrides SemVer,
// SemVer overrides Tag.
type OCIReference struct {
	// Digest of the artifact.
	// +fleetwright:example=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
	Digest string `json:"digest,omitempty" pattern:"^sha256:[0-9a-f]{64}$"`

	// SemVer is a range of tags; Flux pulls the newest.
	// +fleetwright:example=>=6.0.0 <7.0.0
	SemVer string `json:"semver,omitempty" format:"semver"`

	// SemVerFilter is a regular expression that selects the tags for semver (fleetwright extension).
	// +fleetwright:extension
	// +fleetwright:example=.*-rc.*
	SemVerFilter string `json:"semverFilter,omitempty" format:"regexp"`

	// Tag to pull.
	// +kubebuilder:default=latest
	Tag string `json:"tag,omitempty" format:"oci-tag"`
}

// OCILayerSelector selects the layer of an artifact.
type OCILayerSelector struct {
	// MediaType of the layer; without it, the first one.
	// +fleetwright:example=application/vnd.cncf.helm.chart.content.v1.tar+gzip
	MediaType string `json:"mediaType,omitempty" format:"media-type"`

	// Operation on the layer: extract unpacks it, copy keeps it packed.
	// +kubebuilder:default=extract
	Operation string `json:"operation,omitempty" enum:"extract,copy"`
}

// OCIVerification requires a signature of an artifact.
type OCIVerification struct {
	ChartVerification `json:",inline"`

	// MatchOIDCIdentity lists the identities that cosign's keyless verification accepts; without
	// it, any (fleetwright extension).
	// +fleetwright:extension
	MatchOIDCIdentity []OIDCIdentity `json:"matchOIDCIdentity,omitempty"`

	// TrustedRootSecretRef names the Secret with trusted_root.json, for a private Sigstore (fleetwright
	// extension; Flux 2.9 or newer).
	// +fleetwright:extension
	TrustedRootSecretRef *LocalReference `json:"trustedRootSecretRef,omitempty"`
}

// ChartVerification requires a signature of a chart, or of another artifact.
type ChartVerification struct {
	// Provider of the signature. notation is a fleetwright extension.
	// +kubebuilder:default=cosign
	Provider string `json:"provider,omitempty" enum:"cosign,notation"`

	// SecretRef names the Secret with the public keys; without it, cosign's
	// keyless verification is used.
	SecretRef *LocalReference `json:"secretRef,omitempty"`
}

// OIDCIdentity is an identity that may sign an artifact.
type OIDCIdentity struct {
	// Issuer is a regular expression of the issuer.
	Issuer string `json:"issuer" format:"regexp" example:"^https://token.actions.githubusercontent.com$"`

	// Subject is a regular expression of the subject.
	Subject string `json:"subject" format:"regexp" example:"^https://github.com/stefanprodan/podinfo.*$"`
}
