package schema

// ApplicationSource is where the manifests come from.
type ApplicationSource struct {
	// GitRepository is a Flux GitRepository.
	// +optional
	GitRepository *GitRepository `json:"gitRepository,omitempty"`

	// HelmRepository is a Flux HelmRepository. Not supported yet.
	// +optional
	HelmRepository map[string]any `json:"helmRepository,omitempty"`

	// OCIRepository is a Flux OCIRepository. Not supported yet.
	// +optional
	OCIRepository map[string]any `json:"ociRepository,omitempty"`
}

// GitRepository is the spec of a Flux GitRepository in the v1beta2 shape that
// Kurator has.
type GitRepository struct {
	// URL of the repository, over HTTP, HTTPS or SSH.
	// +required
	// +kubebuilder:validation:Pattern=^(http|https|ssh)://.*$
	// +fleetwright:example=https://github.com/stefanprodan/podinfo
	URL string `json:"url"`

	// SecretRef names the Secret with the credentials. It must exist in the
	// Application's namespace on every cluster that the Application goes to.
	// +optional
	SecretRef *LocalReference `json:"secretRef,omitempty"`

	// Interval at which the repository is polled. With 0s it is fetched once
	// and never again, so it must be more.
	// +required
	// +fleetwright:example=3m0s
	Interval Duration `json:"interval"`

	// Timeout of Git operations such as cloning.
	// +optional
	// +kubebuilder:default=60s
	Timeout SourceTimeout `json:"timeout,omitempty"`

	// Ref is what to check out.
	// +optional
	Ref *GitReference `json:"ref,omitempty"`

	// Verify asks for a signature of the commit.
	// +optional
	Verify *GitVerification `json:"verify,omitempty"`

	// Ignore replaces the patterns, in the format of .gitignore, of what is left
	// out of the artifact.
	// +optional
	Ignore *string `json:"ignore,omitempty"`

	// Suspend stops polling.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// GitImplementation was removed from Flux; it is accepted and left out.
	// +optional
	// +kubebuilder:validation:Enum=go-git;libgit2
	GitImplementation string `json:"gitImplementation,omitempty"`

	// RecurseSubmodules clones the submodules too.
	// +optional
	RecurseSubmodules bool `json:"recurseSubmodules,omitempty"`

	// Include merges the artifacts of other GitRepositories into this one.
	// +optional
	Include []GitInclude `json:"include,omitempty"`

	// AccessFrom was never implemented by Flux and was removed from it; it is
	// accepted and left out.
	// +optional
	AccessFrom any `json:"accessFrom,omitempty"`
}

// GitReference is what to check out. Commit overrides Name, Name overrides
// SemVer, SemVer overrides Tag, Tag overrides Branch.
type GitReference struct {
	// Branch to check out.
	// +optional
	// +kubebuilder:default=master
	Branch string `json:"branch,omitempty"`

	// Tag to check out.
	// +optional
	Tag string `json:"tag,omitempty"`

	// SemVer range of tags, of which the newest is checked out.
	// +optional
	// +fleetwright:example=>=1.0.0 <2.0.0
	SemVer string `json:"semver,omitempty"`

	// Name is a full Git reference.
	// +optional
	// +fleetwright:example=refs/heads/main
	Name string `json:"name,omitempty"`

	// Commit is the SHA to check out.
	// +optional
	Commit string `json:"commit,omitempty"`
}

// GitVerification asks for a signature of the commit.
type GitVerification struct {
	// Mode says what is verified: the commit that HEAD points to.
	// +required
	// +kubebuilder:validation:Enum=head;HEAD
	Mode string `json:"mode"`

	// SecretRef names the Secret with the public keys.
	// +required
	SecretRef LocalReference `json:"secretRef"`
}

// GitInclude merges the artifact of another GitRepository into this one.
type GitInclude struct {
	// Repository names the other GitRepository.
	// +required
	Repository LocalReference `json:"repository"`

	// FromPath is the directory to copy from, by default the root.
	// +optional
	FromPath string `json:"fromPath,omitempty"`

	// ToPath is the directory to copy to, by default the repository's name.
	// +optional
	ToPath string `json:"toPath,omitempty"`
}
