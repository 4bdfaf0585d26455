package importer

import (
	"cmp"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/schema"
)

// An application is an Application to create.
type application struct {
	namespace, name string
	source          manifest.Identity
	// own reports whether the source becomes part of the Application. If not, the source stays, and the
	// Application refers to it.
	own bool
	// objects are the source on each target, nil where a target has none.
	objects  []*object
	policies []*item
	// rollouts are the rollouts of the policies, by target.
	rollouts map[*item][]*rollout
	file     string
}

// String returns the kind and name of the Application for messages.
func (a *application) String() string { return "Application " + a.namespace + "/" + a.name }

// rollout returns the rollout of a policy on a target, or nil.
func (a *application) rollout(p *item, on int) *rollout {
	if all := a.rollouts[p]; all != nil {
		return all[on]
	}
	return nil
}

// rollsOut reports whether the Application has a rollout on a target. If it has, every policy gets a patch that
// labels the rollout's namespace, because any of them may apply it.
func (a *application) rollsOut(on int) bool {
	for _, all := range a.rollouts {
		if all[on] != nil {
			return true
		}
	}
	return false
}

// The new Fleet, and the label that holds each cluster's name.
const (
	fleetName    = "fleet"
	clusterLabel = "fleetwright.dev/cluster"
	fleetFile    = "fleet.yaml"
	configFile   = "renderconfig.yaml"
)

// isPlain reports whether the files name no cluster. Then the Applications need no fleet.
func (m *model) isPlain() bool {
	return len(m.targets) == 1 && m.targets[0].bootstrap == nil && m.targets[0].name == ""
}

// assemble writes the documents.
func (m *model) assemble() {
	m.apps, m.files, m.differs, m.noted = nil, nil, nil, map[Note]bool{}
	m.second = map[manifest.Identity]string{}
	byKey := map[string]*application{}
	for _, p := range m.policies {
		if m.stays[p.Identity] != "" {
			continue
		}
		own := m.isOwn(p)
		key := fmt.Sprint(p.Namespace, " ", p.source, own)
		a := byKey[key]
		if a == nil {
			a = &application{namespace: p.Namespace, source: p.source, own: own, objects: make([]*object, len(m.targets)), rollouts: map[*item][]*rollout{}}
			byKey[key] = a
			m.apps = append(m.apps, a)
		}
		a.policies = append(a.policies, p)
		for at, t := range m.targets {
			if p.on[at] != nil {
				a.objects[at] = t.objects[p.source]
			}
		}
	}
	m.nameApplications()
	m.addRollouts()
	for _, a := range m.apps {
		m.files = append(m.files, schema.File{Name: a.file, Data: []byte(dump(m.application(a)))})
	}
	if fleet := m.fleet(); len(fleet) > 0 {
		m.files = append(m.files, schema.File{Name: fleetFile, Data: stream(fleet)})
	}
	if config := m.renderConfig(); config != nil {
		m.files = append(m.files, schema.File{Name: configFile, Data: []byte(dump(config))})
	}
	m.files = append(m.files, m.passedFiles()...)
	slices.SortFunc(m.files, func(a, b schema.File) int { return cmp.Compare(a.Name, b.Name) })
}

// stream returns several documents as one text.
func stream(nodes []*yaml.Node) []byte {
	texts := make([]string, len(nodes))
	for i, n := range nodes {
		texts[i] = dump(n)
	}
	return []byte(strings.Join(texts, "---\n"))
}

// passedFile returns the name of the file for the copied documents of a kind.
func passedFile(kind string) string { return strings.ToLower(kind) + "s.yaml" }

// passedFiles returns the copied documents, in one file per kind.
func (m *model) passedFiles() (files []schema.File) {
	byName := map[string][]*yaml.Node{}
	for _, o := range m.passed {
		name := passedFile(o.Kind)
		byName[name] = append(byName[name], o.node)
	}
	for _, provider := range m.alertProviders() {
		name := passedFile("AlertProvider")
		byName[name] = append(byName[name], provider)
	}
	for name, nodes := range byName {
		files = append(files, schema.File{Name: name, Data: stream(nodes)})
	}
	return files
}

// isOwn reports whether the source of a policy can become part of the Application: it must be in the policy's
// namespace, as rendered sources are, and must not be Flux's own.
func (m *model) isOwn(p *item) bool {
	if p.source.Namespace != p.Namespace || m.stays[p.source] != "" {
		return false
	}
	for at, t := range m.targets {
		if p.on[at] != nil && t.objects[p.source] == nil {
			return false
		}
	}
	return true
}

// nameApplications names each Application after its source, because the rendered source has that name. If two want
// one name, the Application that renders its source gets it.
func (m *model) nameApplications() {
	slices.SortStableFunc(m.apps, func(a, b *application) int {
		switch {
		case a.own == b.own:
			return 0
		case a.own:
			return -1
		}
		return 1
	})
	taken, files := map[string]bool{}, map[string]bool{fleetFile: true, configFile: true}
	for _, k := range schema.Kinds() {
		files[passedFile(k.Name)] = true
	}
	for _, a := range m.apps {
		a.name = unusedName(taken, a.source.Name, a.namespace+"/", "", strings.ToLower(a.source.Kind), a.source.Namespace)
		if a.own && a.name != a.source.Name {
			a.own = false // an Application can render only one of two sources with the same name
			m.second[a.source] = "another source with the same name is imported, and only one can be rendered"
		}
		a.file = unusedName(files, a.name, "", ".yaml", a.namespace)
	}
}

// unusedName returns a name that is not in taken, made longer if needed, and adds it to taken.
func unusedName(taken map[string]bool, name, before, after string, words ...string) string {
	made := name
	for n := 2; taken[before+made+after]; n++ {
		if len(words) > 0 {
			made, words = made+"-"+words[0], words[1:]
		} else {
			made = fmt.Sprintf("%s-%d", name, n)
		}
	}
	taken[before+made+after] = true
	return made + after
}

// application returns the Application as YAML.
func (m *model) application(a *application) *yaml.Node {
	spec := newMapping("source", m.source(a))
	if overrides := m.sourceOverrides(a); overrides != nil {
		set(spec, "overrides", overrides)
	}
	var everywhere []bool
	for i, p := range a.policies {
		on := p.targets()
		if i == 0 || reflect.DeepEqual(everywhere, on) {
			everywhere = on
		} else {
			everywhere = make([]bool, 0)
		}
	}
	same := len(everywhere) > 0
	if same {
		m.setDestination(spec, a, everywhere)
	} else {
		m.setDestination(spec, a, nil)
	}
	policies := newSequence()
	for _, p := range a.policies {
		policies.Content = append(policies.Content, m.policy(a, p, same))
	}
	set(spec, "syncPolicies", policies)
	return newMapping("apiVersion", "apps.kurator.dev/v1alpha1", "kind", "Application",
		"metadata", newMapping("name", a.name, "namespace", a.namespace), "spec", spec)
}

// targets reports for each target whether it has the item.
func (i *item) targets() []bool {
	on := make([]bool, len(i.on))
	for at, o := range i.on {
		on[at] = o != nil
	}
	return on
}

// setDestination sets the destination of an Application or a policy to the targets that have it.
func (m *model) setDestination(of *yaml.Node, a *application, on []bool) {
	if m.isPlain() {
		return
	}
	d := newMapping("fleet", fleetName)
	if ns := m.fleetNamespace(); ns != a.namespace {
		set(d, "fleetNamespace", newText(ns))
	}
	if selector := m.selector(on); selector != nil {
		set(d, "clusterSelector", selector)
	}
	set(of, "destination", d)
}

// selector returns a selector for some of the targets, or nil for all of them.
func (m *model) selector(on []bool) *yaml.Node {
	var names []string
	for at, t := range m.targets {
		if on == nil || on[at] {
			names = append(names, t.name)
		}
	}
	switch len(names) {
	case len(m.targets):
		return nil
	case 1:
		return newMapping("matchLabels", newMapping(clusterLabel, names[0]))
	}
	return newMapping("matchExpressions", newSequence(newMapping("key", clusterLabel, "operator", "In", "values", names)))
}

// fleetNamespace returns the namespace of the fleet: the one that all Applications share, or else Flux' own.
func (m *model) fleetNamespace() string {
	for _, a := range m.apps {
		if a.namespace != m.apps[0].namespace {
			if b := m.bootstrap(); b != nil {
				return b.Namespace
			}
			return fluxSystem
		}
	}
	if len(m.apps) == 0 {
		return fluxSystem
	}
	return m.apps[0].namespace
}

// A variant is a node that several targets share.
type variant struct {
	node *yaml.Node
	on   []bool
	n    int
}

// variants returns the distinct nodes of the targets, the most frequent first.
func (m *model) variants(of func(at int) *yaml.Node) (all []*variant) {
	byValue := map[string]*variant{}
	for at := range m.targets {
		n := of(at)
		if n == nil {
			continue
		}
		key := fmt.Sprintf("%#v", value(n)) // %#v sorts the keys of mappings, and tells 1 from "1"
		v := byValue[key]
		if v == nil {
			v = &variant{node: n, on: make([]bool, len(m.targets))}
			byValue[key] = v
			all = append(all, v)
		}
		v.on[at] = true
		v.n++
	}
	slices.SortStableFunc(all, func(a, b *variant) int { return b.n - a.n })
	return all
}

// overrides returns the differences of the other variants from the first, or nil.
func (m *model) overrides(all []*variant, make func(difference *yaml.Node) *yaml.Node) *yaml.Node {
	list := newSequence()
	for _, v := range all[1:] {
		o := newMapping("clusterSelector", cmp.Or(m.selector(v.on), newMapping()))
		d := make(difference(all[0].node, v.node))
		o.Content = append(o.Content, d.Content...)
		list.Content = append(list.Content, o)
	}
	if len(list.Content) == 0 {
		return nil
	}
	return list
}

// sourceFields are the fields of an Application's source, by Flux' kind.
var sourceFields = map[string]string{
	place.GitRepository: "gitRepository", place.HelmRepository: "helmRepository", place.OCIRepository: "ociRepository",
}

// sourceVariants returns the sources of an Application that renders its own.
func (m *model) sourceVariants(a *application) []*variant {
	return m.variants(func(at int) *yaml.Node {
		o := a.objects[at]
		if o == nil {
			return nil
		}
		spec := clone(get(o.node, "spec"))
		withoutZeros(spec, "")
		if a.source.Kind == place.HelmRepository && get(spec, "interval") == nil {
			set(spec, "interval", newText("5m")) // Flux does not read the interval of an OCI registry
		}
		return newMapping(sourceFields[a.source.Kind], spec)
	})
}

// source returns the source of an Application.
func (m *model) source(a *application) *yaml.Node {
	if a.own {
		made := m.sourceVariants(a)[0].node
		comment(made.Content[0], a.first())
		return made
	}
	existing := newMapping("kind", a.source.Kind, "name", a.source.Name)
	if a.source.Namespace != a.namespace {
		set(existing, "namespace", newText(a.source.Namespace))
	}
	return newMapping("existing", existing)
}

// first returns the source of the first cluster that has it.
func (a *application) first() *object {
	return a.objects[slices.IndexFunc(a.objects, func(o *object) bool { return o != nil })]
}

func (m *model) sourceOverrides(a *application) *yaml.Node {
	if !a.own {
		return nil
	}
	return m.overrides(m.sourceVariants(a), func(d *yaml.Node) *yaml.Node { return newMapping("source", d) })
}

// comment puts an object's comments that have no place in the new node above that node.
func comment(made *yaml.Node, o *object, more ...string) {
	all := []string{o.node.HeadComment}
	for i := 0; i+1 < len(o.node.Content); i += 2 {
		switch o.node.Content[i].Value {
		case "spec":
			all = append(all, o.node.Content[i].HeadComment, o.node.Content[i].LineComment)
		case "status":
		default:
			all = append(all, commentsOf(o.node.Content[i], o.node.Content[i+1]))
		}
	}
	all = append(append(all, more...), o.node.FootComment)
	made.HeadComment = lines(append(all, made.HeadComment)...)
}

// policyOn returns the sync policy of a target, with the comments that have no place in it, or nil.
func (m *model) policyOn(a *application, p *item, at int) (made *yaml.Node, comments string) {
	o := p.on[at]
	if o == nil {
		return nil, ""
	}
	spec := clone(get(o.node, "spec"))
	withoutZeros(spec, "")
	made = newMapping("kustomization", spec)
	if o.Kind == "HelmRelease" {
		made = newMapping("helm", spec)
		chart := get(spec, "chart", "spec")
		comments = lines(remove(chart, "sourceRef"), remove(spec, "chartRef"))
		if chart == nil {
			chart = newMapping("chart", chartOf(a.objects[at], p.source.Name))
			spec.Content = slices.Concat(newMapping("chart", newMapping("spec", chart)).Content, spec.Content)
		}
		if get(spec, "releaseName") == nil { // the release must keep its name if the policy gets another
			set(spec, "releaseName", newText(releaseName(o)))
		}
	} else {
		comments = remove(spec, "sourceRef")
	}
	for field, n := range m.added[patchKey{p.Identity, at}] {
		names := strings.Split(field, ".")
		last := len(names) - 1
		in := get(spec, names[:last]...)
		if list := get(in, names[last]); len(list.Content) > n {
			list.Content = list.Content[:len(list.Content)-n]
		} else {
			remove(in, names[last])
		}
	}
	if r := a.rollout(p, at); r != nil {
		set(made, "rollout", r.node)
	}
	return made, comments
}

// policy returns a sync policy, with its own destination if that differs from the Application's.
func (m *model) policy(a *application, p *item, same bool) *yaml.Node {
	var comments string
	all := m.variants(func(at int) *yaml.Node {
		made, c := m.policyOn(a, p, at)
		comments = cmp.Or(comments, c)
		return made
	})
	made := newMapping("name", p.Name)
	comment(made, p.first(), comments)
	if on := p.targets(); !same && slices.Contains(on, false) {
		m.setDestination(made, a, on)
	}
	made.Content = append(made.Content, all[0].node.Content...)
	if overrides := m.overrides(all, func(d *yaml.Node) *yaml.Node { return d }); overrides != nil {
		set(made, "overrides", overrides)
	}
	return made
}

// fleet returns the Fleet and its AttachedClusters.
func (m *model) fleet() (all []*yaml.Node) {
	if m.isPlain() || len(m.apps) == 0 {
		return nil
	}
	const kind = "AttachedCluster"
	clusters := newSequence()
	ns := m.fleetNamespace()
	for _, t := range m.targets {
		clusters.Content = append(clusters.Content, newMapping("kind", kind, "name", t.name))
		meta := newMapping("name", t.name, "namespace", ns)
		if len(m.targets) > 1 {
			set(meta, "labels", newMapping(clusterLabel, t.name))
		}
		all = append(all, newMapping("apiVersion", "cluster.kurator.dev/v1alpha1", "kind", kind, "metadata", meta))
	}
	var namespaces []string
	for _, a := range m.apps {
		if a.namespace != ns && !slices.Contains(namespaces, a.namespace) {
			namespaces = append(namespaces, a.namespace)
		}
	}
	slices.Sort(namespaces)
	spec := newMapping("clusters", clusters)
	if len(namespaces) > 0 {
		set(spec, "allowedNamespaces", newNode(namespaces))
	}
	if plugin := m.installed.plugin(true); plugin != nil {
		set(spec, "plugin", newMapping("flagger", plugin))
	}
	fleet := newMapping("apiVersion", "fleet.kurator.dev/v1alpha1", "kind", "Fleet", "metadata", newMapping("name", fleetName, "namespace", ns), "spec", spec)
	return append([]*yaml.Node{fleet}, all...)
}

// account returns the ServiceAccount that Flux applies the bootstraps as; the rendered Kustomizations need it,
// too.
func (m *model) account() string {
	for _, t := range m.targets {
		if t.bootstrap != nil {
			if account := textAt(t.bootstrap.node, "spec", "serviceAccountName"); account != "" {
				return account
			}
		}
	}
	return ""
}

// renderConfig returns the RenderConfig, or nil if the defaults are enough.
func (m *model) renderConfig() *yaml.Node {
	if len(m.apps) == 0 {
		return nil
	}
	spec := newMapping()
	if b := m.bootstrap(); b != nil {
		set(spec, "path", newText(path.Dir(b.dir)))
		if s := b.source(); s.Kind != place.GitRepository || s.Name != fluxSystem || s.Namespace != fluxSystem {
			set(spec, "sourceRef", newMapping("kind", s.Kind, "name", s.Name, "namespace", s.Namespace))
		}
	}
	if account := m.account(); account != "" {
		set(spec, "defaults", newMapping("serviceAccountName", account))
	}
	if flux := fluxVersions[m.flux]; flux != "" {
		set(spec, "versions", newMapping("flux", flux))
	}
	if m.isPlain() {
		if plugin := m.installed.plugin(false); plugin != nil {
			set(spec, "plugin", newMapping("flagger", plugin))
		}
	}
	if len(spec.Content) == 0 {
		return nil
	}
	return newMapping("apiVersion", "fleetwright.dev/v1alpha1", "kind", "RenderConfig", "spec", spec)
}
