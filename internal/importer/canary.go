package importer

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
	"k8s.io/apimachinery/pkg/util/validation"
	sigs "sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	rolled "github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A rollout is the part of a sync policy that a Canary becomes on a target.
type rollout struct {
	canary    *object
	templates []*object
	// renamed are the MetricTemplates that are rendered with another name or namespace.
	renamed map[*object]bool
	node    *yaml.Node
	patched bool
	// comments are the comments of fields that a rollout does not have.
	comments []string
}

// providers are the Flagger providers that fleetwright renders rollouts for, by their names in a rollout.
var providers = []string{flagger.Istio, flagger.Kuma, flagger.Nginx, api.ProviderName(flagger.GatewayAPI), flagger.Kubernetes}

// addRollouts turns Canaries into rollouts of the policies that apply their workloads.
func (m *model) addRollouts() {
	for _, c := range m.canaries {
		if m.stays[c.Identity] == "" {
			if why := cmp.Or(m.installed.why, m.reject(c.first())); why != "" {
				m.leave(c.Identity, why)
			}
		}
		for at, o := range c.on {
			if o == nil || m.stays[c.Identity] != "" {
				continue
			}
			if why := m.installed.differs[at]; why != "" {
				m.leave(c.Identity, why)
				continue
			}
			a, p := m.policyOf(o, at)
			switch {
			case p == nil:
				m.leave(c.Identity, fmt.Sprintf("no imported Kustomization or HelmRelease is known to apply its workload, %s %s", cmp.Or(textAt(o.node, "spec", "targetRef", "kind"), "Deployment"), textAt(o.node, "spec", "targetRef", "name")))
			case a.rollout(p, at) != nil:
				m.second[c.Identity] = fmt.Sprintf("%s applies another workload with a rollout, and can have only one", p)
			default:
				r, why := m.newRollout(o, at)
				if why != "" {
					m.leave(c.Identity, why)
					continue
				}
				if a.rollouts[p] == nil {
					a.rollouts[p] = make([]*rollout, len(m.targets))
				}
				a.rollouts[p][at] = r
			}
		}
	}
	// A Canary that stays on one cluster stays on all clusters.
	for _, a := range m.apps {
		for p, all := range a.rollouts {
			for at, r := range all {
				if r != nil && m.stays[r.canary.Identity]+m.second[r.canary.Identity] != "" {
					a.rollouts[p][at] = nil
				}
			}
		}
	}
}

// reject returns the reason why a Canary cannot become a rollout, or "".
func (m *model) reject(o *object) string {
	provider := m.provider(o)
	switch target := textAt(o.node, "spec", "targetRef", "name"); {
	case provider == "":
		return "it sets no spec.provider, and no file sets Flagger's meshProvider"
	case !slices.Contains(providers, provider):
		return "fleetwright cannot render rollouts for the provider " + provider
	case get(o.node, "spec", "ingressRef") != nil:
		return "it uses its own Ingress, but an nginx rollout renders a new one"
	case target != o.Name:
		return fmt.Sprintf("a rendered Canary is named after its workload, %s", target)
	}
	return ""
}

// provider returns the provider of a Canary, under its name in a rollout.
func (m *model) provider(o *object) string {
	return api.ProviderName(cmp.Or(textAt(o.node, "spec", "provider"), m.installed.meshProvider))
}

// policyOf returns the policy that applies the workload of a Canary, or nil if that is unknown. It is the policy
// whose directory contains the workload, or else the only candidate that installs into the workload's namespace.
func (m *model) policyOf(o *object, at int) (*application, *item) {
	target := get(o.node, "spec", "targetRef")
	workload := manifest.Identity{Kind: cmp.Or(textAt(target, "kind"), "Deployment"), Namespace: o.Namespace, Name: textAt(target, "name")}
	by, known := m.targets[at].workloads[workload]
	var app *application
	var found []*item
	for _, a := range m.apps {
		for _, p := range a.policies {
			on := p.on[at]
			switch {
			case on == nil:
			case known && p.Identity == by, !known && m.mayBring(on, at, workload):
				app, found = a, append(found, p)
			}
		}
	}
	if len(found) != 1 {
		return nil, nil
	}
	return app, found[0]
}

// mayBring reports whether a policy's object may apply a workload that is in none of the files.
func (m *model) mayBring(o *object, at int, workload manifest.Identity) bool {
	namespace := textAt(o.node, "spec", "targetNamespace")
	if o.Kind == "HelmRelease" {
		release := cmp.Or(textAt(o.node, "spec", "releaseName"), releaseName(o))
		return cmp.Or(namespace, o.Namespace) == workload.Namespace &&
			(workload.Name == release || strings.HasPrefix(workload.Name, release+"-") || workload.Name == chartName(o))
	}
	return namespace == workload.Namespace && len(m.targets[at].applied[o.Identity]) == 0
}

// newRollout returns the rollout that a Canary becomes, or the reason why it cannot become one.
func (m *model) newRollout(o *object, at int) (*rollout, string) {
	r := &rollout{canary: o, node: newMapping(), renamed: map[*object]bool{}}
	spec := clone(get(o.node, "spec"))
	set(r.node, "trafficRoutingProvider", newText(m.provider(o)))
	if mesh := textAt(o.node, "metadata", "annotations", rules.MeshAnnotation); mesh != "" {
		set(r.node, "meshName", newText(mesh))
	}
	for _, a := range rules.ExpectedAnnotations {
		if text := textAt(o.node, "metadata", "annotations", a.Name); text != "" {
			r.put("rolloutPolicy.expectedTraffic."+a.Field, newText(a.Field), &yaml.Node{Kind: yaml.ScalarNode, Value: text})
		}
	}
	service := get(spec, "service")
	if service == nil || get(spec, "analysis") == nil {
		return nil, "it has no spec.service or no spec.analysis"
	}
	if get(service, "name") == nil {
		set(service, "name", newText(textAt(spec, "targetRef", "name")))
	}
	for _, d := range canaryDefaults {
		d.setIn(spec)
	}
	withoutFalse(spec)
	for _, alert := range items(spec, "analysis", "alerts") {
		if ref := get(alert, "providerRef"); ref != nil && get(ref, "namespace") == nil {
			set(ref, "namespace", newText(o.Namespace))
		}
	}
	for _, field := range seconds {
		if v := get(o.node, strings.Split(field, ".")...); v != nil && inSeconds(v.Value) == nil {
			return nil, fmt.Sprintf("%s is %s, but a rollout accepts only whole seconds", field, v.Value)
		}
	}
	for _, metric := range items(spec, "analysis", "metrics") {
		if why := m.metric(r, metric, at); why != "" {
			return nil, why
		}
	}
	r.fill("spec", spec)
	set(get(r.node, "workload"), "namespace", newText(o.Namespace))
	if get(r.node, "workload", "apiVersion") != nil {
		remove(get(r.node, "workload"), "apiVersion")
	}
	if p := m.patches[patchKey{o.Identity, at}]; p != nil {
		r.patched = true
		set(r.node, "patches", newSequence(newMapping("target", newMapping("kind", "Canary"), "patch", dump(p))))
	}
	r.order()
	comment(r.node.Content[0], o, r.comments...)
	return r, ""
}

// canaryDefaults are the defaults of Flagger that a rendered Canary sets. They are written out, so that importing
// the rendered Canary gives the same rollout.
var canaryDefaults = []fieldDefault{
	{nil, "progressDeadlineSeconds", newNode(600)}, {[]string{"analysis"}, "interval", newText("60s")},
	{[]string{"analysis"}, "threshold", newNode(1)}, {[]string{"analysis", "metrics"}, "interval", newText("60s")},
	{[]string{"analysis", "webhooks"}, "type", newText(flagger.RolloutHook)},
}

// A fieldDefault is the default of a field in a mapping, or in every item of a list.
type fieldDefault struct {
	in    []string
	field string
	value *yaml.Node
}

func (d fieldDefault) setIn(spec *yaml.Node) {
	n := get(spec, d.in...)
	if n == nil {
		return
	}
	all := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		all = n.Content
	}
	for _, n := range all {
		if get(n, d.field) == nil {
			set(n, d.field, clone(d.value))
		}
	}
}

// withoutFalse removes the switches of a Canary that are false, which is the default, unless they have comments.
// Rendered Canaries do not set them.
func withoutFalse(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		for _, item := range n.Content {
			withoutFalse(item)
		}
		return
	}
	for i := len(n.Content) - 2; i >= 0; i -= 2 {
		switch key, v := n.Content[i], n.Content[i+1]; {
		case slices.Contains(free, key.Value):
		case v.Kind == yaml.ScalarNode && value(v) == false && !isKept(key.Value, "") && commentsOf(key, v) == "":
			n.Content = slices.Delete(n.Content, i, i+2)
		default:
			withoutFalse(v)
		}
	}
}

// seconds are the durations of a Canary that a rollout has in seconds.
var seconds = []string{"spec.service.timeout", "spec.service.backendTimeout", "spec.analysis.interval"}

// fill moves the fields of a mapping in a Canary to the rollout.
func (r *rollout) fill(at string, n *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		field := at + "." + key.Value
		to := rolled.RolloutField(field)
		if to == "" {
			if above := rolled.RolloutField(at); above != "" && above != "workload" {
				to = above + "." + key.Value
			}
		}
		switch {
		case field == "spec.provider":
			r.comments = append(r.comments, commentsOf(key, v))
		case slices.Contains(seconds, field):
			s := inSeconds(v.Value)
			s.LineComment = v.LineComment
			r.put(to, key, s)
		case v.Kind == yaml.MappingNode && (field == "spec.analysis" || field == "spec.service"):
			r.comments = append(r.comments, key.HeadComment, key.LineComment, v.LineComment)
			r.fill(field, v)
			r.comments = append(r.comments, v.FootComment, key.FootComment)
		case to != "":
			r.put(to, key, v)
		default:
			r.comments = append(r.comments, commentsOf(key, v))
		}
	}
}

// put sets a field of the rollout, with the comments of a key.
func (r *rollout) put(to string, key, v *yaml.Node) {
	n, names := r.node, strings.Split(to, ".")
	last := len(names) - 1
	for _, name := range names[:last] {
		if get(n, name) == nil {
			set(n, name, newMapping())
		}
		n = get(n, name)
	}
	renamed := *key
	renamed.Value = names[last]
	n.Content = append(n.Content, &renamed, v)
}

// inSeconds returns a duration as whole seconds, or nil.
func inSeconds(text string) *yaml.Node {
	d, err := time.ParseDuration(text)
	if err != nil || d%time.Second != 0 {
		return nil
	}
	return newNode(int(d.Seconds()))
}

// metric rewrites a metric for a rollout, and replaces a reference with the MetricTemplate.
func (m *model) metric(r *rollout, n *yaml.Node, at int) (why string) {
	if i := index(n, "interval"); i >= 0 {
		if s := inSeconds(n.Content[i+1].Value); s != nil {
			s.LineComment = n.Content[i+1].LineComment
			n.Content[i].Value, n.Content[i+1] = "intervalSeconds", s
		}
	}
	if get(n, "query") != nil {
		return fmt.Sprintf("its metric %s contains a query, which Flagger has deprecated; a rollout has no field for it", textAt(n, "name"))
	}
	ref := get(n, "templateRef")
	if ref == nil {
		return ""
	}
	id := templateOf(ref, r.canary)
	template := m.targets[at].objects[id]
	if own, ok := strings.CutSuffix(textAt(n, "name"), "-"+m.provider(r.canary)); ok && rules.IsBuiltin(own) && !m.customs[patchKey{r.canary.Identity, at}] && id.Name == textAt(r.canary.node, "metadata", "name")+"."+textAt(n, "name") {
		// fleetwright rendered this template for Flagger's built-in metric, unless the next round finds a
		// different query.
		set(n, "name", newText(own))
		remove(n, "templateRef")
		r.templates = append(r.templates, template)
		return ""
	}
	if template == nil {
		return fmt.Sprintf("the %s that it uses is not in the files", id)
	}
	if m.stays[id] != "" {
		return fmt.Sprintf("the %s that it uses is not imported: %s", id, m.stays[id])
	}
	if name := get(n, "name"); name != nil && len(validation.IsDNS1123Subdomain(name.Value)) > 0 && !rules.IsBuiltin(id.Name) && !r.hasMetric(id.Name) {
		renamed := *name
		renamed.Value, renamed.Style = id.Name, 0
		set(n, "name", &renamed)
	}
	i := index(n, "templateRef")
	made := clone(get(template.node, "spec"))
	endQuery(made)
	n.Content[i].Value, n.Content[i+1] = "customMetric", made
	comment(n.Content[i], template, commentsOf(ref))
	r.templates = append(r.templates, template)
	return ""
}

// hasMetric reports whether the Canary has a metric with this name, or several metrics that use the MetricTemplate
// with this name.
func (r *rollout) hasMetric(name string) bool {
	n := 0
	for _, metric := range items(r.canary.node, "spec", "analysis", "metrics") {
		if textAt(metric, "name") == name {
			return true
		}
		if textAt(metric, "templateRef", "name") == name {
			n++
		}
	}
	return n > 1
}

// endQuery ends the query of a MetricTemplate with a line break, as the rendered one does (render/rollout,
// template).
func endQuery(spec *yaml.Node) {
	if q := get(spec, "query"); q != nil && textAt(spec, "provider", "type") != "externalmetrics" && !strings.HasSuffix(q.Value, "\n") {
		q.Value, q.Style = q.Value+"\n", yaml.LiteralStyle
	}
}

// templateOf returns the MetricTemplate that a templateRef of a Canary refers to.
func templateOf(ref *yaml.Node, canary *object) manifest.Identity {
	return manifest.Identity{Group: flaggerGroup, Kind: "MetricTemplate", Namespace: cmp.Or(textAt(ref, "namespace"), canary.Namespace), Name: textAt(ref, "name")}
}

// order sorts the fields of the rollout in the order of the API type.
func (r *rollout) order() {
	var sorted []*yaml.Node
	for _, f := range schema.FieldsOf(reflect.TypeFor[api.Rollout]()) {
		if i := index(r.node, f.Name); i >= 0 {
			sorted = append(sorted, r.node.Content[i], r.node.Content[i+1])
		}
	}
	r.node.Content = sorted
}

// A patchKey is a patched Canary on a target.
type patchKey struct {
	manifest.Identity
	at int
}

// compareCanary compares a Canary with the rendered one. A difference that no field of a rollout can express
// becomes a patch in the next round; if a patch is not enough, the Canary stays. compareCanary reports whether
// another round is needed.
func (m *model) compareCanary(r *rollout, at int, rendered map[manifest.Identity]map[string]any) (again bool) {
	o := r.canary
	object := rendered[o.Identity]
	if object == nil {
		return m.leave(o.Identity, "no Canary with its name is rendered")
	}
	spec, _ := value(get(o.node, "spec")).(map[string]any)
	want, have := normal("Canary", o.Namespace, o.Name, spec), normal("Canary", o.Namespace, o.Name, object["spec"])
	setDefault(want, []string{"provider"}, m.installed.meshProvider)
	if want["provider"] == api.ProviderName(flagger.GatewayAPI) {
		want["provider"] = flagger.GatewayAPI
	}
	setDefault(want, []string{"service", "name"}, o.Name)
	if why, again := m.compareMetrics(r, at, want, have, rendered); again || why != "" {
		return again || m.leave(o.Identity, why)
	}
	d := difference(fromValue(have), fromValue(want))
	meta := m.canaryMetadata(o, object)
	if d == nil && meta == nil {
		m.noteFormer(o)
		return false
	}
	if r.patched {
		if d == nil {
			d = meta
		}
		return m.leave(o.Identity, "neither the fields nor the patches of a rollout can set "+strings.Join(differing(have, want, nil), ", "))
	}
	target := newMapping("name", o.Name)
	if meta != nil {
		target.Content = append(target.Content, meta.Content...)
	}
	patch := newMapping("apiVersion", manifest.FlaggerV1beta1, "kind", "Canary", "metadata", target)
	if d != nil {
		set(patch, "spec", d)
	}
	m.patches[patchKey{o.Identity, at}] = patch
	return true
}

// compareMetrics compares the MetricTemplates of a Canary with the rendered ones, which are named after the
// workload and the metric, and writes the new names into want. It returns the reason why the Canary cannot be
// rendered, and whether another round is needed.
func (m *model) compareMetrics(r *rollout, at int, want, have map[string]any, rendered map[manifest.Identity]map[string]any) (why string, again bool) {
	metrics, _ := valueAt(want, "analysis.metrics").([]any)
	made, _ := valueAt(have, "analysis.metrics").([]any)
	for i := range min(len(metrics), len(made)) {
		metric, _ := metrics[i].(map[string]any)
		to, _ := made[i].(map[string]any)
		ref, _ := metric["templateRef"].(map[string]any)
		now, _ := to["templateRef"].(map[string]any)
		if now == nil {
			continue
		}
		id := manifest.Identity{Group: flaggerGroup, Kind: "MetricTemplate", Namespace: cmp.Or(text(now["namespace"]), r.canary.Namespace), Name: text(now["name"])}
		template := slices.IndexFunc(r.templates, func(t *object) bool { return ref != nil && t.Name == ref["name"] })
		switch {
		case ref == nil:
			m.differ(r.canary, fmt.Sprintf("spec.analysis.metrics[%d]", i), fmt.Sprintf("Flagger's built-in query for %v does not work with %s; the %s is rendered instead", metric["name"], m.provider(r.canary), id))
		case template < 0 || rendered[id] == nil:
			continue
		case !sameTemplate(r.templates[template], rendered[id]):
			key := patchKey{r.canary.Identity, at}
			if m.customs[key] {
				return fmt.Sprintf("its %s would be rendered with a different query", r.templates[template]), false
			}
			m.customs[key] = true
			return "", true
		case r.templates[template].Identity != id:
			r.renamed[r.templates[template]] = true
			m.differ(r.templates[template], "metadata.name", fmt.Sprintf("it is rendered as %s, named after the workload and the metric, and the Canary refers to the new name", id))
		}
		if template >= 0 {
			m.noteFormer(r.templates[template])
			m.compareMetadata(r.templates[template], rendered[id])
		}
		if name := to["name"]; ref != nil && name != metric["name"] {
			m.differ(r.canary, fmt.Sprintf("spec.analysis.metrics[%d].name", i), fmt.Sprintf("it is rendered as %s, named after its MetricTemplate: a rollout has one name for both", name))
		}
		metric["templateRef"], metric["name"] = now, to["name"]
	}
	return "", false
}

// sameTemplate reports whether a MetricTemplate equals the rendered one, except for trailing line breaks.
func sameTemplate(o *object, rendered map[string]any) bool {
	trimmed := func(spec any) map[string]any {
		of := normal(o.Kind, "", "", spec)
		of["query"] = strings.TrimSpace(text(of["query"]))
		return of
	}
	return reflect.DeepEqual(trimmed(value(get(o.node, "spec"))), trimmed(rendered["spec"]))
}

// canaryMetadata returns the labels and annotations that the rendered Canary lacks, or nil.
func (m *model) canaryMetadata(o *object, rendered map[string]any) *yaml.Node {
	made := newMapping()
	for _, field := range []string{"labels", "annotations"} {
		have, _ := valueAt(rendered, "metadata."+field).(map[string]any)
		of := newMapping()
		n := get(o.node, "metadata", field)
		for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
			switch name := n.Content[i].Value; {
			case have[name] == n.Content[i+1].Value || isOfTools(name):
			case name == manifest.FluxPrune:
				m.differ(o, "metadata."+field+"."+name, notKept)
			default:
				set(of, name, clone(n.Content[i+1]))
			}
		}
		if len(of.Content) > 0 {
			set(made, field, of)
		}
	}
	if len(made.Content) == 0 {
		return nil
	}
	return made
}

// fromValue returns a value as a node.
func fromValue(v any) *yaml.Node {
	text, err := sigs.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("cannot write a value: %v", err)) // it was read
	}
	nodes, _ := schema.Nodes(schema.File{Data: text})
	if len(nodes) == 0 {
		return newMapping()
	}
	return nodes[0]
}

// alertProviders returns the AlertProviders that the rollouts use.
func (m *model) alertProviders() (nodes []*yaml.Node) {
	seen := map[manifest.Identity]bool{}
	for _, a := range m.apps {
		for _, all := range a.rollouts {
			for at, r := range all {
				for _, p := range m.alertsOf(r, at) {
					if !seen[p.Identity] {
						seen[p.Identity] = true
					}
				}
			}
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(seen), func(a, b manifest.Identity) int { return cmp.Compare(a.String(), b.String()) }) {
		for _, t := range m.targets {
			if o := t.objects[id]; o != nil {
				n := clone(o.node)
				set(get(n, "metadata"), "namespace", newText(o.Namespace))
				nodes = append(nodes, n)
				break
			}
		}
	}
	return nodes
}

// alertsOf returns the AlertProviders in the files that a rollout uses.
func (m *model) alertsOf(r *rollout, at int) (all []*object) {
	if r == nil {
		return nil
	}
	for _, alert := range items(r.node, "rolloutPolicy", "alerts") {
		ref := get(alert, "providerRef")
		id := manifest.Identity{Group: flaggerGroup, Kind: "AlertProvider", Namespace: cmp.Or(textAt(ref, "namespace"), r.canary.Namespace), Name: textAt(ref, "name")}
		if o := m.targets[at].objects[id]; o != nil && m.stays[id] == "" {
			all = append(all, o)
		}
	}
	return all
}
