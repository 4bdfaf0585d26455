package render

import (
	"fmt"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

// A sourceRef names a Flux source.
type sourceRef struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

// A gitRepositorySpec is that of v1, without the fields that Flux has removed
// since v1beta2.
type gitRepositorySpec struct {
	URL               string                  `json:"url"`
	Ref               *schema.GitReference    `json:"ref,omitempty"`
	Interval          schema.Duration         `json:"interval"`
	Timeout           schema.SourceTimeout    `json:"timeout,omitempty"`
	SecretRef         *schema.LocalReference  `json:"secretRef,omitempty"`
	Verify            *schema.GitVerification `json:"verify,omitempty"`
	Ignore            *string                 `json:"ignore,omitempty"`
	Include           []schema.GitInclude     `json:"include,omitempty"`
	RecurseSubmodules bool                    `json:"recurseSubmodules,omitempty"`
	Suspend           bool                    `json:"suspend,omitempty"`
}

// source is the application's, named after it.
func (a *application) source() rendered {
	path := schema.Path{"spec", "source", "gitRepository"}
	g := a.Spec.Source.GitRepository
	spec := gitRepositorySpec{
		URL: g.URL, Ref: g.Ref, Interval: g.Interval, Timeout: g.Timeout, SecretRef: g.SecretRef,
		Verify: g.Verify, Ignore: g.Ignore, Include: g.Include, RecurseSubmodules: g.RecurseSubmodules, Suspend: g.Suspend,
	}
	if v := g.Verify; v != nil && v.Mode == "head" {
		spec.Verify = &schema.GitVerification{Mode: "HEAD", SecretRef: v.SecretRef}
	}
	return rendered{&manifest{
		APIVersion: sourceV1, Kind: "GitRepository",
		Metadata: metadata{Name: a.name, Namespace: a.namespace},
		Spec:     spec,
	}, origin{a.doc, path}}
}

// checkSource says what of a source Flux has removed.
func (c *compiler) checkSource(a *application) {
	g := a.Spec.Source.GitRepository
	if g == nil {
		return
	}
	for field, set := range map[string]bool{"gitImplementation": g.GitImplementation != "", "accessFrom": g.AccessFrom != nil} {
		if set {
			c.report(a.doc.Diagnostic(diag.RemovedByFlux, schema.Path{"spec", "source", "gitRepository", field},
				fmt.Sprintf("Flux has removed %s, it is left out", field), "remove the field"))
		}
	}
}
