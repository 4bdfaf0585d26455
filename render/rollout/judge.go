package rollout

import (
	"encoding/json"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// judge returns the rollout for the rules: its objects after patches.
func (r *Rollout) judge() *rules.Rollout {
	objects := r.Objects()
	j := &rules.Rollout{
		Canary: &flagger.Canary{}, Templates: map[api.NamespacedReference]*rules.Template{},
		On: r.On.installed(r.c), Complete: r.Policy.Sound, Source: origins{r},
	}
	for _, o := range objects {
		switch id := o.Identity(); o.Kind {
		case "Canary":
			j.ID, j.Mesh, j.Annotations = id, o.Metadata.Annotations[rules.MeshAnnotation], o.Metadata.Annotations
			canary, ok := specOf[flagger.Canary](o)
			j.Canary, j.Complete = canary, j.Complete && ok
		case "MetricTemplate":
			t := &rules.Template{ID: id}
			if spec, ok := specOf[flagger.MetricTemplate](o); ok {
				t.MetricTemplate = *spec
			}
			j.Templates[api.NamespacedReference{Name: id.Name, Namespace: id.Namespace}] = t
		case "Ingress":
			j.Ingress = ingressOf(o)
		case "Deployment":
			j.Tester.Exists = true
			if spec, ok := specOf[deploymentSpec](o); ok {
				j.Tester.ServiceAccount = spec.Template.Spec.ServiceAccountName
			}
			j.Tester.OtherImage = j.On.OtherTesterImage || imageOf(o) != o.Spec.(deploymentSpec).Template.Spec.Containers[0].Image
		}
	}
	j.Tester.ID = manifest.Identity{Kind: "Service", Namespace: r.Namespace, Name: r.loadTester()}
	for _, m := range r.analysis().Metrics {
		name, spec, ok := r.template(m)
		t := j.Templates[api.NamespacedReference{Name: r.metricTemplate(name), Namespace: r.Namespace}]
		switch {
		case !ok || t == nil:
		case m.CustomMetric == nil:
			t.Replaces = m.Name
		case t.Query == spec.Query && spec.Provider.Type != "externalmetrics":
			t.Query = m.CustomMetric.Query // the input's query, because rules report lines of it
		}
	}
	return j
}

// installed returns the components of a cluster that rollouts with this provider use.
func (on On) installed(c *Compilation) *rules.Installed {
	tester := c.Settings.Charts["loadtester"].Values
	rbac, _ := tester["rbac"].(map[string]any)
	account, _ := tester["serviceAccountName"].(string)
	facts := on.Facts
	facts.PrometheusAddress = on.prometheus()
	return &rules.Installed{
		Provider: on.Provider, Flagger: on.FlaggerVersion, FlaggerThere: on.Flagger == nil, Version: on.Simulated(), Namespace: on.FlaggerNamespace,
		Facts: facts, By: on.Position(),
		PublicTester: on.TesterURL != "", OtherTesterImage: tester["image"] != nil, TesterURL: on.testerURL(),
		// The rights of an installed load tester are unknown.
		TesterHasRights: on.TesterURL != "" && on.LoadTester == nil || rbac["create"] == true || account != "",
		AlertProvider: func(namespace, name string) (found, known bool) {
			p, known := c.AlertProvider(namespace, name)
			return p != nil, known
		},
	}
}

// specOf returns the spec of an object after patches, or the unpatched spec and false if the patched one cannot
// be decoded.
func specOf[T any](o manifest.Rendered) (*T, bool) {
	unpatched := o.Spec.(T)
	if o.Patched == nil {
		return &unpatched, true
	}
	var patched struct {
		Spec T `json:"spec"`
	}
	if json.Unmarshal(o.Patched, &patched) != nil {
		return &unpatched, false
	}
	return &patched.Spec, true
}

// ingressOf returns the Ingress after patches.
func ingressOf(o manifest.Rendered) *rules.Ingress {
	spec, _ := specOf[manifest.IngressSpec](o)
	return rules.NewIngress(o.Identity(), *spec)
}

// imageOf returns the image of a load tester's first container, or "" if patches removed it.
func imageOf(o manifest.Rendered) string {
	if spec, ok := specOf[deploymentSpec](o); ok && len(spec.Template.Spec.Containers) > 0 {
		return spec.Template.Spec.Containers[0].Image
	}
	return ""
}

// ReportFinding reports a rule's finding at its origin in the input, unless a diagnostic there already explains
// it.
func (r *Rollout) ReportFinding(f rules.Finding) {
	doc, at := r.Policy.App.Doc, origins{r}.origin(f.Object, f.Field)
	below := func(other schema.Path) bool {
		return len(other) > len(at.Path) && slices.Equal(other[:len(at.Path)], at.Path)
	}
	same := func(other schema.Path) bool { return slices.Equal(other, at.Path) }
	switch {
	case f.Code == diag.BadMatch && slices.ContainsFunc(r.reported, below),
		f.Code == diag.NoWorkload && slices.ContainsFunc(r.reported, same):
		return
	}
	if !doc.Unsure(at.Path) {
		r.add(f.Code, at.Path, f.Message, f.Hint)
	}
}
