// Package plain validates plain Canaries by the rules: Canaries among the documents, as Flagger reads them, with
// their MetricTemplates and the manifests near them.
package plain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/provider"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Options are the flags about the clusters of plain Canaries. They override the RenderConfig's installed.
type Options struct {
	// Flagger is the version that runs. If empty, the newest is assumed.
	Flagger string
	// Provider is the default of Canaries without one, Flagger's -mesh-provider.
	Provider string
	// MetricsServer is the Prometheus that Flagger queries, its -metrics-server.
	MetricsServer string
	// Namespaces are the namespaces of objects that name none, by file.
	Namespaces map[string]string
}

// nearbyKinds are the kinds of documents that the rules read with a Canary.
var nearbyKinds = []struct{ group, kind string }{
	{"apps", "Deployment"}, {"apps", "DaemonSet"}, {"", "Service"}, {"autoscaling", "HorizontalPodAutoscaler"}, {"keda.sh", "ScaledObject"},
	{"networking.k8s.io", "Ingress"}, {"gateway.networking.k8s.io", "HTTPRoute"}, {"networking.istio.io", "VirtualService"},
	{"", "Secret"}, {"", "ConfigMap"}, {"", "Namespace"}, {"", "ServiceAccount"}, {"rbac.authorization.k8s.io", "RoleBinding"},
	{"rbac.authorization.k8s.io", "ClusterRoleBinding"},
}

// IsBeside reports whether the rules read documents of a kind with a Canary.
func IsBeside(apiVersion, kind string) bool {
	group := (&source.Object{APIVersion: apiVersion}).Group()
	return slices.ContainsFunc(nearbyKinds, func(b struct{ group, kind string }) bool { return b.group == group && b.kind == kind })
}

// A Canary is a plain Canary, as the rules read it.
type Canary struct {
	*rules.Rollout
	c *rollout.Compilation
	origin
	// runs reports whether Check found nothing that keeps Flagger from running the Canary.
	runs bool
}

// planned are the errors despite which Flagger runs a Canary, so that a plan shows the result.
var planned = []diag.Code{
	diag.UnknownMetric, diag.NothingMeasured, diag.NothingReaches,
	diag.UnknownTesterPath, diag.OutlivesTimeout, diag.NoCommand, diag.UnknownTask,
	diag.StepsStandStill, diag.AffinityNeedsWeights, diag.MatchWithWeights, diag.BadMirror,
	diag.RoutedOtherwise, diag.NotOnNginx, diag.NotOnGatewayAPI, diag.MadeTwice, diag.NotInjected,
}

// documents are the documents of objects, by the objects' identities on a cluster.
type documents map[manifest.Identity]*schema.Document

// An origin maps the fields of a Canary, and of the objects around it, to the input.
type origin struct {
	id  manifest.Identity
	doc *schema.Document
	documents
}

// Position returns the position of a field.
func (o origin) Position(object manifest.Identity, field schema.Path) diag.Position {
	return o.document(object).Position(field...)
}

// Has reports whether a document has a field.
func (o origin) Has(object manifest.Identity, field schema.Path) bool {
	return (object == o.id || o.documents[object] != nil) && o.document(object).Has(field...)
}

// document returns the document of an object, or the Canary's if it has none.
func (o origin) document(object manifest.Identity) *schema.Document {
	if d := o.documents[object]; d != nil && object != o.id {
		return d
	}
	return o.doc
}

// specOf returns the spec of a Canary as Flagger reads it: Services without a name have the name of the workload
// (fluxcd/flagger pkg/apis/flagger/v1beta1/canary.go, GetServiceNames).
func specOf(o *api.Canary) *flagger.Canary {
	spec := &flagger.Canary{}
	data, err := json.Marshal(o.Spec)
	if err == nil {
		err = json.Unmarshal(data, spec)
	}
	if err != nil {
		panic(err) // the scheduler reads some fields of the kind differently
	}
	spec.Service.Name = cmp.Or(spec.Service.Name, spec.TargetRef.Name)
	return spec
}

// namespaceOf returns the namespace of a Canary. If it names none, as in a kustomize base, this is the namespace
// of the kustomization, or the one of its Services in a webhook's URL.
func (r *reader) namespaceOf(d *schema.Document, spec *flagger.Canary) string {
	if d.Has("metadata", "namespace") {
		return d.Namespace
	}
	if namespace := r.opts.Namespaces[d.File()]; namespace != "" {
		return namespace
	}
	own := regexp.MustCompile(`\b` + regexp.QuoteMeta(spec.Service.Name) + `(?:` + rules.CanarySuffix + `|` + rules.PrimarySuffix + `)?\.([a-z0-9][-a-z0-9]*)`)
	for _, w := range spec.Analysis.Webhooks {
		if m := own.FindStringSubmatch(w.Metadata["cmd"]); m != nil {
			return m[1]
		}
	}
	return d.Namespace
}

// installed returns the components on the clusters of a Canary, if an input or a flag states them.
func (r *reader) installed(spec *flagger.Canary) *rules.Installed {
	opts, in := &r.opts, r.in
	on := &rules.Installed{Provider: provider.Router{}, Flagger: fmt.Sprintf("1.%d", flagger.Newest.Minor)}
	if in != nil && in.FlaggerVersion != "" {
		on.Facts, on.Flagger, on.Namespace, on.By = in.Facts, in.FlaggerVersion, in.FlaggerNamespace, in.Position()
		on.PublicTester, on.TesterURL = in.TesterURL != "", in.TesterURL
		if p := in.Providers[cmp.Or(spec.Provider, opts.Provider, in.Facts.MeshProvider)]; p != nil {
			on.Provider = p
		}
	}
	on.FlaggerThere = true
	on.Flagger = cmp.Or(opts.Flagger, on.Flagger)
	on.MeshProvider = cmp.Or(opts.Provider, on.MeshProvider)
	on.MetricsServer = cmp.Or(opts.MetricsServer, on.MetricsServer)
	on.PrometheusAddress = cmp.Or(on.PrometheusAddress, on.MetricsServer)
	on.Version = rollout.Simulated(on.Flagger)
	// The rights of a load tester that is not among the manifests are unknown.
	on.TesterHasRights = true
	on.AlertProvider = func(namespace, name string) (found, known bool) {
		p, known := r.c.AlertProvider(namespace, name)
		if known {
			return p != nil, true
		}
		return false, !r.isMisspelt(namespace, name)
	}
	return on
}

// isMisspelt reports whether a missing AlertProvider seems to mean one of the inputs: one with the same name in
// another namespace, or with a similar name. Any other may be on the cluster.
func (r *reader) isMisspelt(namespace, name string) bool {
	for _, p := range r.c.AlertProviders[:min(mostCompared, len(r.c.AlertProviders))] {
		if p.Name == name || p.Namespace == namespace && diag.Nearest(name, []string{p.Name}) != "" {
			return true
		}
	}
	return false
}

// ingressOf returns the Ingress that a Canary names, or nil if the manifests do not have it.
func ingressOf(r *rules.Rollout) *rules.Ingress {
	if r.IngressRef == nil {
		return nil
	}
	found := r.Manifests.Get(manifest.Identity{Group: "networking.k8s.io", Kind: "Ingress", Namespace: r.ID.Namespace, Name: r.IngressRef.Name})
	if found == nil {
		return nil
	}
	spec := source.Read[struct{ Spec manifest.IngressSpec }](found.Object)
	if spec == nil {
		return nil
	}
	return rules.NewIngress(found.ID, spec.Spec)
}

// Check reports each problem of the Canary at its field, and the objects that it needs on its cluster.
func (r *Canary) Check() {
	found := rules.Check(r.Rollout)
	r.runs = r.doc.Valid
	for _, f := range found {
		f.Hint = strings.Replace(inCanary(f.Hint), anyTester, r.tester(), 1)
		if elsewhere := r.alertProvider(f); elsewhere != "" {
			f.Hint = "namespace: " + elsewhere
		}
		if !r.follows(f, found) && report(r.c, r.document(f.Object), f) {
			r.runs = r.runs && (f.Code.Rule().Severity != diag.Error || slices.Contains(planned, f.Code))
		}
	}
	if !slices.ContainsFunc(found, func(f rules.Finding) bool { return f.Code.Rule().Severity == diag.Error }) {
		r.checkEnd()
	}
	r.noteNeeded()
}

// follows reports whether a finding repeats a mistake that is reported already: load for another namespace if
// the Canary's is invalid, and a field that this Flagger has but its router does not read yet.
func (r *Canary) follows(f rules.Finding, found []rules.Finding) bool {
	switch f.Code {
	case diag.LoadTestElsewhere:
		return r.doc.Wrong(schema.Path{"metadata", "namespace"})
	case diag.FieldTooNew:
		return slices.ContainsFunc(found, func(other rules.Finding) bool {
			return other.Code == diag.FlaggerTooOld && other.Field.String() == f.Field.String()
		})
	}
	return false
}

// report reports a finding at a field of a document, unless the field has another mistake or Flux replaces it.
// It returns whether it did.
func report(c *rollout.Compilation, d *schema.Document, f rules.Finding) bool {
	if d.Wrong(f.Field) || d.IsOpenAt(f.Field) {
		return false
	}
	c.Add(d.Diagnostic(f.Code, f.Field, inCanary(f.Message), inCanary(f.Hint)))
	return true
}

// anyTester is the URL of a load tester in hints.
const anyTester = "http://flagger-loadtester.test/"

// tester returns the URL of the load tester in the Canary's webhooks, or anyTester.
func (r *Canary) tester() string {
	for _, w := range r.Analysis.Webhooks {
		if u, err := url.Parse(w.URL); err == nil && w.TesterPath() != "" {
			return u.Scheme + "://" + u.Host + "/"
		}
	}
	return anyTester
}

// alertProvider returns the namespace of an AlertProvider with the name that a finding misses, or nothing.
func (r *Canary) alertProvider(f rules.Finding) string {
	if f.Code != diag.NoAlertProvider || len(f.Field) < 4 {
		return ""
	}
	for _, p := range r.c.AlertProviders {
		if i, ok := f.Field[3].(int); ok && p.Name == r.Analysis.Alerts[i].ProviderRef.Name {
			return p.Namespace
		}
	}
	return ""
}

// checkEnd reports steps with which no version is ever promoted. Gates do not count: somebody may open them
// later.
func (r *Canary) checkEnd() {
	run, ok := r.Good()
	if !ok || run.Outcome != flagger.Endless {
		return
	}
	open := *r.Canary
	open.Analysis.Webhooks = nil
	if run = open.Run(r.On.Version, flagger.Scenario{}); run.Outcome != flagger.Endless {
		return
	}
	a, field, hint := &r.Analysis, "stepWeight", "stepWeight: 10 and maxWeight: 50, or iterations: 10"
	switch {
	case a.StepWeightPromotion < 0:
		field, hint = "stepWeightPromotion", "stepWeightPromotion: 50, or remove the field"
	case a.MaxWeight > 100:
		field, hint = "maxWeight", "maxWeight: 100"
	case r.Rollout.Has("analysis", "stepWeights"):
		field = "stepWeights"
	case r.Rollout.Has("analysis", "iterations"):
		field = "iterations"
	}
	last := run.Ticks[len(run.Ticks)-1]
	r.c.Add(r.doc.Diagnostic(diag.StepsStandStill, schema.Path{"spec", "analysis", field},
		fmt.Sprintf("no version is ever promoted: every rollout stays %s with %d%% of the traffic", last.Phase, last.Canary), hint))
}

// noteNeeded notes the MetricTemplates and Secrets that the Canary needs and the documents do not have.
func (r *Canary) noteNeeded() {
	counts := r.Provider != "" && r.Queries(r.On.MeshProvider).CountsInPods() && !r.SkipAnalysis
	for i, m := range r.Analysis.Metrics {
		if counts && rules.IsBuiltin(r.Builtin(m)) {
			counts = false
			r.c.Note(diag.HistogramExpected, manifest.Origin{Doc: r.doc, Path: schema.Path{"spec", "analysis", "metrics", i, "name"}}, "")
		}
		if m.TemplateRef == nil {
			continue
		}
		ref := api.NamespacedReference{Name: m.TemplateRef.Name, Namespace: cmp.Or(m.TemplateRef.Namespace, r.ID.Namespace)}
		t := r.Templates[ref]
		if t == nil {
			what := ref.Namespace + "/" + ref.Name
			if near := r.nearestTemplate(ref); near != "" {
				what += " (the inputs have " + near + ")"
			}
			r.c.Note(diag.TemplatesNeeded, manifest.Origin{Doc: r.doc, Path: schema.Path{"spec", "analysis", "metrics", i, "templateRef", "name"}}, what)
			continue
		}
		secret := t.Provider.SecretRef
		if secret == nil || r.Manifests != nil && r.Manifests.Get(manifest.Identity{Kind: "Secret", Namespace: ref.Namespace, Name: secret.Name}) != nil {
			continue
		}
		r.c.Note(diag.SecretsNeeded, manifest.Origin{Doc: r.document(t.ID), Path: schema.Path{"spec", "provider", "secretRef", "name"}}, ref.Namespace+"/"+secret.Name)
	}
}

// mostCompared limits how many names a missing name is compared with.
const mostCompared = 100

// nearestTemplate returns the MetricTemplate that a reference to a missing one seems to mean, or nothing: one
// with the same name in another namespace, or with a similar name.
func (r *Canary) nearestTemplate(ref api.NamespacedReference) string {
	var elsewhere, names []string
	for other := range r.Templates {
		if other.Name == ref.Name {
			elsewhere = append(elsewhere, other.Namespace+"/"+other.Name)
		}
		if other.Namespace == ref.Namespace {
			names = append(names, other.Name)
		}
	}
	slices.Sort(names)
	switch {
	case len(elsewhere) > 0:
		return slices.Min(elsewhere)
	case len(names) > mostCompared:
		return ""
	}
	if near := diag.Nearest(ref.Name, names); near != "" {
		return ref.Namespace + "/" + near
	}
	return ""
}

// Plan returns the course of the Canary's rollout, or nil if Flagger does not run it or Flux fills in its steps.
// The Canary runs if no input has an error.
func (r *Canary) Plan(errors bool) *flagger.Plan {
	if errors && !r.runs || slices.ContainsFunc([]string{"stepWeight", "stepWeights", "maxWeight", "iterations"}, func(field string) bool { return r.doc.IsOpenAt(schema.Path{"spec", "analysis", field}) }) {
		return nil
	}
	return flagger.New(*r.Canary, r.On.Version)
}
