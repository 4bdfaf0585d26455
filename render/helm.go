package render

// A release is a chart that is installed.
type release struct {
	name, namespace string
	chart           chart
	dependsOn       []helmDependency
	origin          origin
}

type helmRepositorySpec struct {
	Type     string `json:"type,omitempty"`
	URL      string `json:"url"`
	Interval string `json:"interval,omitempty"`
}

type helmReleaseSpec struct {
	Interval    string           `json:"interval"`
	ReleaseName string           `json:"releaseName"`
	Chart       helmChart        `json:"chart"`
	DependsOn   []helmDependency `json:"dependsOn,omitempty"`
	Install     helmAction       `json:"install"`
	Upgrade     helmAction       `json:"upgrade"`
	Values      map[string]any   `json:"values,omitempty"`
}

type helmChart struct {
	Spec helmChartSpec `json:"spec"`
}

type helmChartSpec struct {
	Chart     string    `json:"chart"`
	Version   string    `json:"version"`
	SourceRef sourceRef `json:"sourceRef"`
}

type helmDependency struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

type helmAction struct {
	CRDs        string          `json:"crds"`
	Remediation helmRemediation `json:"remediation"`
}

type helmRemediation struct {
	Retries int `json:"retries"`
}

// chartInterval is how often charts and their releases are looked at. Versions
// are pinned, so there is little to see.
const chartInterval = "1h"

func (r *release) reference() helmDependency { return helmDependency{r.name, r.namespace} }

// objects are the release and the repository of its chart.
func (r *release) objects() []rendered { return []rendered{r.repository(), r.release()} }

func (r *release) repository() rendered {
	spec := helmRepositorySpec{URL: r.chart.Repository, Interval: chartInterval}
	if r.chart.isOCI() {
		// Flux does not poll registries: it asks when a chart is needed.
		spec.Type, spec.Interval = "oci", ""
	}
	return rendered{&manifest{
		APIVersion: sourceV1, Kind: "HelmRepository",
		Metadata: metadata{Name: r.name, Namespace: r.namespace},
		Spec:     spec,
	}, r.origin}
}

func (r *release) release() rendered {
	var dependsOn []helmDependency
	for _, d := range r.dependsOn {
		if d.Namespace == r.namespace {
			d.Namespace = ""
		}
		dependsOn = append(dependsOn, d)
	}
	return rendered{&manifest{
		APIVersion: helmV2, Kind: "HelmRelease",
		Metadata: metadata{Name: r.name, Namespace: r.namespace},
		Spec: helmReleaseSpec{
			Interval: chartInterval,
			// Its default derives from the object's name and namespace.
			ReleaseName: r.name,
			Chart: helmChart{helmChartSpec{
				Chart: r.chart.Name, Version: r.chart.Version,
				SourceRef: sourceRef{Kind: "HelmRepository", Name: r.name},
			}},
			DependsOn: dependsOn,
			// Helm alone never upgrades CRDs. A first install is tried until it
			// works: on a new cluster much is not there yet.
			Install: helmAction{CRDs: "CreateReplace", Remediation: helmRemediation{-1}},
			Upgrade: helmAction{CRDs: "CreateReplace", Remediation: helmRemediation{3}},
			Values:  r.chart.Values,
		},
	}, r.origin}
}
