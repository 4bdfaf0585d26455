// Package importer turns the objects of a Flux repository into Applications, a Fleet and a RenderConfig. It moves
// the YAML nodes, so that comments follow their values, and compiles the result: an object that would be rendered
// differently stays where it is, or is reported.
package importer

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
)

// A Cluster is the input for one cluster.
type Cluster struct {
	// Name of the cluster. If it is empty, each Flux Kustomization in the files that bootstraps a cluster is one.
	Name string
	// Files of the repository that the cluster syncs.
	Files []schema.File
}

// A Result is the documents of an import, and the report about them.
type Result struct {
	// Rejected is the reason why nothing was imported, or nil.
	Rejected *diag.Mistake `json:"-"`
	// Files are the documents, with names relative to the output directory.
	Files []schema.File `json:"-"`
	// Imported are the objects that became documents, sorted by position.
	Imported []Imported `json:"imported"`
	// Stays are the objects that are not imported and stay where they are, with the reasons.
	Stays []Note `json:"stays,omitempty"`
	// Differs are the differences between the rendered and the original objects.
	Differs []Note `json:"differs,omitempty"`
	// Notes are about the import as a whole.
	Notes []string `json:"notes,omitempty"`
	// Steps move the clusters to the rendered objects, in this order.
	Steps []Step `json:"steps,omitempty"`
	// Clusters are the names of the clusters.
	Clusters []string `json:"clusters"`
	// Output is the directory to render the documents into, relative to the root of the repository, or "".
	Output string `json:"output,omitempty"`

	appliedWith func(dir string) string
}

// AppliedWith returns the directory that Flux would apply together with the documents in dir, or "". Flux fails on
// the documents, whose kinds it does not know.
func (r *Result) AppliedWith(dir string) string { return r.appliedWith(dir) }

// An Imported is an object that became a part of a document.
type Imported struct {
	// Object is its kind, namespace and name, and File is its position together with Line.
	Object string `json:"object"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	// Becomes is the Application, and the field in it.
	Becomes string `json:"becomes"`
	// Renamed reports whether the rendered object has a new name, so that the former stays on the cluster.
	Renamed bool `json:"renamed,omitempty"`

	// column is where the YAML document begins, and ofFile is the number of YAML documents in the file.
	column, ofFile int
}

// A Note is about an object.
type Note struct {
	Object string `json:"object"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	// Field is the field that the note is about, or "".
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
}

// Import turns the objects of the clusters into documents.
func Import(clusters []Cluster) (*Result, diag.List) {
	m := &model{stays: map[manifest.Identity]string{}, seen: map[string]bool{}, patches: map[patchKey]*yaml.Node{}, added: map[patchKey]map[string]int{}, customs: map[patchKey]bool{}, elsewhere: map[diag.Position]string{}, listed: map[string]bool{}, visited: map[string]bool{}}
	for _, c := range clusters {
		r, notes := read(c.Files)
		m.notes = append(m.notes, notes...)
		m.written = append(m.written, r.written()...)
		m.addClusters(c.Name, r)
		if m.rejected == nil {
			m.rejected = m.apart()
		}
		if m.rejected != nil {
			return &Result{Rejected: m.rejected}, nil
		}
	}
	if m.problems.HasErrors() {
		return nil, m.problems.Sorted()
	}
	m.walkOthers()
	m.walkStrays()
	m.sort()
	m.leaveToParents()
	// An object that is rendered differently stays where it is. Each round leaves at least one more object there,
	// so the loop ends.
	for {
		m.assemble()
		left, list := m.compare()
		if list.HasErrors() {
			return nil, list
		}
		if !left && !m.leaveShared() && !m.leaveEmptied() {
			if m.rejected != nil {
				return &Result{Rejected: m.rejected}, nil
			}
			return m.result(), m.problems
		}
	}
}

// A target is a cluster, with its objects.
type target struct {
	name      string
	bootstrap *bootstrap
	*repository
	objects map[manifest.Identity]*object
	// applied are the objects that each Flux Kustomization applies.
	applied map[manifest.Identity][]*object
	// workloads are the Flux Kustomizations that apply workloads, by the workload's kind, namespace and name.
	workloads map[manifest.Identity]manifest.Identity
}

// A model holds everything that the documents are built from.
type model struct {
	targets []*target
	// others are the clusters in the files that are not imported, and elsewhere are the documents that these
	// clusters apply, with the reasons why they stay.
	others    []*other
	elsewhere map[diag.Position]string
	// listed are the directories that Flux applies as a whole, and visited are all files and directories that it
	// applies.
	listed, visited map[string]bool
	problems        diag.List
	// rejected is the reason why nothing is imported, or nil.
	rejected *diag.Mistake
	notes    []string
	// stays are the objects that stay where they are, with the reasons.
	stays map[manifest.Identity]string
	seen  map[string]bool

	// written are the files that already hold documents of fleetwright's kinds.
	written []string
	// passed are the documents of fleetwright's kinds to copy.
	passed []*object
	// policies are the Flux Kustomizations and HelmReleases, which become sync policies.
	policies []*item
	canaries []*item
	// patches are the patches of Canaries that earlier rounds found.
	patches map[patchKey]*yaml.Node
	// customs are the Canaries whose MetricTemplates are the user's own, whatever their names.
	customs map[patchKey]bool
	// added are the numbers of items that a rollout adds to the ends of lists of its policy, by field.
	added map[patchKey]map[string]int
	// installed is the components that already run on the clusters.
	installed *installation
	// flux is the index in fluxVersions of the version that the objects need.
	flux int

	// apps are the Applications of the last round, files its documents, and differs its differences.
	apps    []*application
	files   []schema.File
	differs []Note
	noted   map[Note]bool
	// second are the objects of the last round that lost their place to another object, with the reasons.
	second map[manifest.Identity]string
	// namespaces are the names of the Namespaces that are rendered in addition.
	namespaces map[string]bool
}

// An item is an object that one or several clusters have.
type item struct {
	manifest.Identity
	// source is the source that it names, if any.
	source manifest.Identity
	// on are its objects by target, nil where a target has none.
	on []*object
}

// first returns the object of the first cluster that has it.
func (i *item) first() *object {
	return i.on[slices.IndexFunc(i.on, func(o *object) bool { return o != nil })]
}

// addClusters adds the clusters in the files of a repository.
func (m *model) addClusters(name string, r *repository) {
	all := r.bootstraps()
	if found := slices.Clone(all); name != "" {
		all = slices.DeleteFunc(all, func(b *bootstrap) bool {
			if !b.isNamed(name) {
				m.others = append(m.others, &other{b, r})
			}
			return !b.isNamed(name)
		})
		if len(all) == 0 && len(found) > 0 {
			m.rejected = misnamed(name, found)
			return
		}
	}
	if len(all) == 0 {
		w := newWalk(r)
		w.everything()
		m.walked(w)
		m.add(&target{name: name, repository: r, applied: w.applied}, w.all)
		return
	}
	for _, b := range all {
		own := &target{name: cmp.Or(name, path.Base(b.dir)), bootstrap: b, repository: r}
		if own.name == "." {
			own.name = "cluster"
		}
		w := b.walk(r, "")
		if w.left < 0 {
			m.problems = append(m.problems, diag.New(diag.Oversized, b.position(), "", fmt.Sprintf("%s applies more than %d files", b, maxVisits), "import a directory with fewer files"))
		}
		own.applied = w.applied
		m.walked(w)
		m.add(own, w.all)
	}
}

// An other is a cluster in the files that is not imported.
type other struct {
	*bootstrap
	*repository
}

// walkOthers finds the files that clusters apply which are not imported.
func (m *model) walkOthers() {
	for _, o := range m.others {
		if !slices.ContainsFunc(m.targets, func(t *target) bool { return t.bootstrap != nil && t.bootstrap.document() == o.document() }) {
			why := fmt.Sprintf("the cluster that syncs %s applies it, too, and is not imported", o.dir)
			m.walked(o.walk(o.repository, why))
		}
	}
}

// add adds a cluster with its objects.
func (m *model) add(t *target, all []*object) {
	t.objects = map[manifest.Identity]*object{}
	for _, o := range all {
		if k, ok := schema.KindNamed(o.Kind); ok && k.APIVersion == o.apiVersion && (o.Group != flaggerGroup) {
			m.pass(o)
			continue
		}
		o.Namespace = cmp.Or(o.Namespace, "default")
		if _, ok := current[o.Kind]; ok && slices.Contains(ours, o.Group) || o.Kind == "Bucket" && o.Group == sourceGroup {
			m.take(t, o)
		}
	}
	m.leaveFlux(t)
	t.workloads = map[manifest.Identity]manifest.Identity{}
	for _, by := range slices.SortedFunc(maps.Keys(t.applied), func(a, b manifest.Identity) int { return cmp.Compare(a.String(), b.String()) }) {
		for _, o := range t.applied[by] {
			if o.Group == "apps" {
				t.workloads[manifest.Identity{Kind: o.Kind, Namespace: cmp.Or(o.Namespace, "default"), Name: o.Name}] = by
			}
		}
	}
	m.targets = append(m.targets, t)
}

// installsFlux is the reason why an object stays that installs Flux or Flux Operator.
const installsFlux = "it installs Flux itself"

// fluxCharts are the charts of Flux and of Flux Operator, and the OCI artifact of Flux' manifests.
var fluxCharts = []string{"flux-operator", "flux-instance", "flux2", "flux-manifests"}

// leaveFlux leaves the objects that install Flux where they are: charts, the artifact, and users of the artifact.
func (m *model) leaveFlux(t *target) {
	isFlux := func(name string) bool { return slices.Contains(fluxCharts, path.Base(name)) }
	for _, o := range t.objects {
		if o.Kind == "OCIRepository" && isFlux(textAt(o.node, "spec", "url")) || o.Kind == "HelmRelease" && isFlux(textAt(o.node, "spec", "chart", "spec", "chart")) {
			m.stays[o.Identity] = installsFlux
		}
	}
	for _, o := range t.objects {
		if source := sourceOf(o); source.Kind == "OCIRepository" && m.stays[source] == installsFlux {
			m.stays[o.Identity] = installsFlux
		}
	}
}

// pass copies a document of fleetwright's kinds that an API server returned, without the server's additions.
func (m *model) pass(o *object) {
	id, meta := o.apiVersion+" "+o.String(), get(o.node, "metadata")
	if !o.isLive() || m.seen[id] {
		return
	}
	m.seen[id] = true
	for _, field := range serverFields {
		remove(meta, field)
	}
	remove(get(meta, "annotations"), "kubectl.kubernetes.io/last-applied-configuration")
	if a := get(meta, "annotations"); a != nil && len(a.Content) == 0 {
		remove(meta, "annotations")
	}
	remove(o.node, "status")
	m.passed = append(m.passed, o)
}

// serverFields are the fields of metadata that an API server sets (k8s.io/apimachinery pkg/apis/meta/v1,
// ObjectMeta).
var serverFields = []string{
	"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generation", "managedFields",
	"ownerReferences", "resourceVersion", "selfLink", "uid",
}

// take adds an object of Flux or Flagger to its cluster.
func (m *model) take(t *target, o *object) {
	former := current[o.Kind].former
	switch {
	case t.isFluxOwn(o) || isRendered(o) || isPatch(o):
		return
	case t.objects[o.Identity] != nil && t.objects[o.Identity].position() == o.position():
		if o.changed != "" {
			m.stays[o.Identity] = changedBy(o)
		}
		return // found again on another path
	case t.objects[o.Identity] != nil:
		m.stays[o.Identity] = o.file + " defines it, too"
		return
	case o.kurator():
		m.stays[o.Identity] = "Kurator created it from an Application"
	case o.maker() != "":
		m.stays[o.Identity] = o.maker() + " manages it, and would restore it"
	case get(o.node, "metadata", "deletionTimestamp") != nil:
		m.stays[o.Identity] = "it is being deleted"
	case o.Kind == "Bucket":
		m.stays[o.Identity] = "an Application cannot define a Bucket; Applications refer to it with source.existing"
	case sourceOf(o).Kind == "HelmChart":
		m.stays[o.Identity] = "an Application cannot use a HelmChart"
	case o.apiVersion != current[o.Kind].version && !slices.Contains(former, o.apiVersion):
		m.stays[o.Identity] = "fleetwright does not support " + o.apiVersion
	case o.changed != "":
		m.stays[o.Identity] = changedBy(o)
	case textAt(o.node, "metadata", "labels", shard) != "":
		m.stays[o.Identity] = "its label " + shard + " selects the controller, but an Application has no field for it"
	}
	for _, field := range slices.Sorted(maps.Keys(noPlace[o.Kind])) {
		if get(o.node, "spec", field) != nil && m.stays[o.Identity] == "" {
			m.stays[o.Identity] = noPlace[o.Kind][field]
		}
	}
	t.objects[o.Identity] = o
	if m.stays[o.Identity] == "" && o.Kind != "Bucket" {
		upgrade(o)
	}
}

// isPatch reports whether an object of Flux or Flagger is incomplete, as in a patch.
func isPatch(o *object) bool {
	return get(o.node, "spec") == nil || (o.Kind == "Kustomization" || o.Kind == "HelmRelease") && sourceOf(o).Name == "" ||
		o.Group == sourceGroup && textAt(o.node, "spec", "url") == "" && o.Kind != "Bucket"
}

// changedBy returns the reason why an object stays that is changed between its file and the cluster.
func changedBy(o *object) string {
	return o.changed + ", so the object on the cluster may differ from the file"
}

// isFluxOwn reports whether an object is the source or the Kustomization of a bootstrap.
func (t *target) isFluxOwn(o *object) bool {
	if o.Namespace == fluxSystem && o.Name == fluxSystem && (o.Group == sourceGroup || o.Group == kustomizeGroup) {
		return true
	}
	b := t.bootstrap
	return b != nil && (o.Identity == b.Identity || o.Identity == b.source())
}

// sort groups the objects of all clusters into policies and Canaries.
func (m *model) sort() {
	byKey := map[string]*item{}
	for at, t := range m.targets {
		for _, o := range t.sorted() {
			var list *[]*item
			switch o.Kind {
			case "Kustomization", "HelmRelease":
				list = &m.policies
			case "Canary":
				list = &m.canaries
			default:
				continue
			}
			source := sourceOf(o)
			key := o.String() + " of " + source.String()
			i := byKey[key]
			if i == nil {
				i = &item{Identity: o.Identity, source: source, on: make([]*object, len(m.targets))}
				byKey[key] = i
				*list = append(*list, i)
			}
			i.on[at] = o
		}
	}
	// Sort by name, so that importing rendered objects gives the same order.
	slices.SortStableFunc(m.policies, func(a, b *item) int {
		return cmp.Or(compareNames(a, b), cmp.Compare(a.source.String(), b.source.String()))
	})
	slices.SortStableFunc(m.canaries, compareNames)
	m.installed = m.findInstalled()
}

func compareNames(a, b *item) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind))
}

// leave marks an object as not imported, and reports whether it was to be imported.
func (m *model) leave(id manifest.Identity, reason string) bool {
	if m.stays[id] != "" {
		return false
	}
	m.stays[id], m.flux = reason, 0 // the remaining objects may need no newer Flux
	return true
}

// leaveShared leaves objects whose YAML document has to stay, because another cluster applies it, or because it is
// also an object that stays. It reports whether it left any.
func (m *model) leaveShared() (left bool) {
	imported, _ := m.becomes()
	whole := maps.Clone(m.elsewhere)
	var objects []*object
	for _, t := range m.targets {
		for _, o := range t.sorted() {
			if imported[o] != "" {
				objects = append(objects, o)
			} else if whole[o.document()] == "" {
				whole[o.document()] = fmt.Sprintf("its YAML document also defines %s, which is not imported", o)
			}
		}
	}
	for _, o := range objects {
		if why := whole[o.document()]; why != "" {
			left = m.leave(o.Identity, why) || left
		}
	}
	return left
}

// sorted returns the objects by position.
func (t *target) sorted() []*object { return slices.SortedFunc(maps.Values(t.objects), comparePlaces) }

// emptied is the reason why a Flux Kustomization is not imported if all its objects are.
const emptied = "everything that it applies is imported; delete it after the move"

// leaveEmptied leaves the Flux Kustomizations that apply only imported objects, because Flux fails on a directory
// without manifests. A Kustomization that others wait for keeps its objects. leaveEmptied reports whether it left
// any.
func (m *model) leaveEmptied() (left bool) {
	imported, _ := m.becomes()
	needed := m.neededKustomizations()
	for _, p := range m.policies {
		for at, t := range m.targets {
			applied := t.applied[p.Identity]
			if p.on[at] == nil || len(applied) == 0 {
				continue
			}
			stays := slices.ContainsFunc(applied, func(o *object) bool {
				return imported[t.objects[o.Identity]] == "" && m.stays[o.Identity] != emptied
			})
			who := needed[p.Identity]
			switch {
			case stays && m.stays[p.Identity] == emptied:
				m.stays[p.Identity] = "not everything that it applies is imported"
			case stays || m.stays[p.Identity] == emptied:
			case who == "" && m.stays[p.Identity] == "":
				left = m.leave(p.Identity, emptied)
			default:
				reason := fmt.Sprintf("%s would have nothing left to apply, and is not imported itself", p)
				if who != "" {
					reason = fmt.Sprintf("%s would have nothing left to apply, and %s waits for it", p, who)
				}
				for _, o := range applied {
					if t.objects[o.Identity] != nil {
						left = m.leave(o.Identity, reason) || left
					}
				}
			}
		}
	}
	return left
}

// neededTemplates returns the MetricTemplates that Canaries use which are not imported, with the reason.
func (m *model) neededTemplates() map[manifest.Identity]string {
	needed := map[manifest.Identity]string{}
	for _, c := range m.canaries {
		for _, o := range c.on {
			if o == nil || m.stays[c.Identity]+m.second[c.Identity] == "" {
				continue
			}
			for _, metric := range items(o.node, "spec", "analysis", "metrics") {
				if ref := get(metric, "templateRef"); ref != nil {
					needed[templateOf(ref, o)] = fmt.Sprintf("%s uses it, and is not imported", o)
				}
			}
		}
	}
	return needed
}

// becomes returns the new places of the imported objects, and the objects that are renamed.
func (m *model) becomes() (imported map[*object]string, renamed map[*object]bool) {
	imported, renamed = map[*object]string{}, map[*object]bool{}
	needed := m.neededTemplates()
	for _, a := range m.apps {
		if a.own {
			for _, o := range a.objects {
				if o != nil {
					imported[o] = a.String() + ", spec.source"
				}
			}
		}
		for i, p := range a.policies {
			for at, o := range p.on {
				if o == nil {
					continue
				}
				imported[o] = fmt.Sprintf("%s, spec.syncPolicies[%d]", a, i)
				if c := a.rollout(p, at); c != nil {
					imported[c.canary] = imported[o] + ".rollout"
					for _, t := range c.templates {
						if c.renamed[t] && needed[t.Identity] != "" {
							continue
						}
						imported[t] = imported[o] + ".rollout"
						if c.renamed[t] {
							renamed[t] = true
						}
					}
					for _, alert := range m.alertsOf(c, at) {
						imported[alert] = alert.String()
					}
				}
			}
		}
	}
	return imported, renamed
}

// result returns the documents and the report.
func (m *model) result() *Result {
	r := &Result{Files: m.files, Differs: m.differs, Imported: []Imported{}, appliedWith: m.appliedWith}
	imported, renamed := m.becomes()
	needed := m.neededTemplates()
	var gone []Note
	noted := map[string]bool{}
	for _, t := range m.targets {
		r.Clusters = append(r.Clusters, t.clusterName())
		for _, o := range t.sorted() {
			key := fmt.Sprint(o, " ", o.document())
			if noted[key] {
				continue
			}
			noted[key] = true
			if becomes := imported[o]; becomes != "" {
				r.Imported = append(r.Imported, Imported{o.String(), o.file, o.line, becomes, renamed[o], o.column, len(t.documents[o.file])})
				continue
			}
			reason := cmp.Or(m.stays[o.Identity], m.second[o.Identity], needed[o.Identity], unused[o.Kind])
			note := Note{Object: o.String(), File: o.file, Line: o.line, Reason: reason}
			r.Stays = append(r.Stays, note)
			if reason == emptied {
				gone = append(gone, note)
			}
		}
	}
	slices.SortStableFunc(r.Stays, func(a, b Note) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	slices.SortStableFunc(r.Imported, func(a, b Imported) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	if b := m.bootstrap(); b != nil {
		r.Output = b.output()
	}
	if names := slices.Compact(slices.Sorted(slices.Values(m.written))); len(names) > 0 {
		r.Output = "" // rendering only the new documents would lose the existing Applications
		r.Notes = append(r.Notes, fmt.Sprintf("documents of fleetwright exist already: %s. Add the new Applications, clusters and settings to them, and render everything together", diag.Some(names, diag.MostNames)))
	}
	var doubts []string
	if len(r.Imported) > 0 {
		doubts = m.doubts()
	}
	r.Notes = slices.Concat(doubts, r.Notes, m.notes, m.installed.notes)
	for _, t := range m.targets {
		if t.bootstrap != nil && t.bootstrap.dir == "." {
			r.Notes = append(r.Notes, fmt.Sprintf("the cluster %s syncs its whole repository: keep the documents in another repository, because Flux fails on their kinds", t.name))
		}
	}
	if flux := fluxVersions[m.flux]; flux != "" {
		r.Notes = append(r.Notes, "the objects need Flux "+flux+", so the RenderConfig sets versions.flux: "+flux)
	}
	r.Notes = append(r.Notes, m.automated(imported)...)
	r.Notes = append(r.Notes, live(imported)...)
	for _, o := range m.passed {
		r.Notes = append(r.Notes, fmt.Sprintf("%s is copied, without the fields that an API server and Kurator add", o))
	}
	if names := slices.Sorted(maps.Keys(m.namespaces)); len(names) > 0 {
		r.Notes = append(r.Notes, "these Namespaces are rendered, too, and created if they are missing: "+diag.Some(names, diag.MostNames))
	}
	listings, notes := m.listings()
	r.Notes = append(r.Notes, notes...)
	if len(doubts) == 0 {
		r.Steps = r.steps(gone, listings, m.formerTemplates(renamed))
	}
	return r
}

// doubts returns the reasons why the commits cannot be listed.
func (m *model) doubts() (all []string) {
	for _, t := range m.targets {
		if t.bootstrap == nil && len(t.objects) > 0 {
			all = append(all, "no file bootstraps the cluster "+t.clusterName()+", so every file is treated as applied there. To get the commits that move it, import the root of the repository, with the directory that flux bootstrap wrote")
		}
		if version := t.fluxVersion(); version != "" {
			all = append(all, fmt.Sprintf("the files of the cluster %s install Flux %s, but the rendered objects need 2.6 or newer: upgrade Flux first", t.clusterName(), version))
		}
	}
	return all
}

// fluxVersion returns the version of Flux next to the bootstrap if it is too old for the rendered objects, or "".
// flux bootstrap writes it as a label of the Namespace (fluxcd/flux2 manifests/install/kustomization.yaml).
func (t *target) fluxVersion() string {
	if t.bootstrap == nil {
		return ""
	}
	for _, name := range t.names {
		if path.Dir(name) != path.Dir(t.bootstrap.file) {
			continue
		}
		for _, d := range t.documents[name] {
			if textAt(d.node, "kind") != "Namespace" {
				continue
			}
			version := textAt(d.node, "metadata", "labels", "app.kubernetes.io/version")
			if minor, ok := settings.ParseMinor(strings.TrimPrefix(version, "v")); ok && minor.Less(settings.MinorVersion{Major: 2, Minor: 6}) {
				return version
			}
		}
	}
	return ""
}

// formerTemplates returns the MetricTemplates that are renamed, with the clusters that have them.
func (m *model) formerTemplates(renamed map[*object]bool) (names []string) {
	on := map[string][]string{}
	for _, t := range m.targets {
		for _, o := range t.sorted() {
			if renamed[o] {
				name := o.Namespace + "/" + o.Name
				on[name] = append(on[name], t.clusterName())
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(on)) {
		if len(m.targets) > 1 {
			names = append(names, fmt.Sprintf("%s on %s", name, diag.Some(on[name], diag.MostNames)))
		} else {
			names = append(names, name)
		}
	}
	return names
}

// automated returns notes about the imported objects whose files Flux's image automation updates
// (image-automation-controller internal/constants/constants.go, SetterShortHand).
func (m *model) automated(imported map[*object]string) (notes []string) {
	for _, t := range m.targets {
		for _, o := range t.sorted() {
			note := fmt.Sprintf("%s: %s has $imagepolicy comments: let the ImageUpdateAutomation update the new document, and render after each update", o.position(), o)
			if imported[o] != "" && strings.Contains(commentsOf(o.node), "$imagepolicy") && !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}

// live returns a note about the files that hold objects from an API server.
func live(imported map[*object]string) (notes []string) {
	files := map[string]bool{}
	for o := range imported {
		if o.isLive() {
			files[o.file] = true
		}
	}
	if len(files) > 0 {
		notes = append(notes, fmt.Sprintf("an API server returned the objects in %s: make the commits in the Git files that these objects come from", diag.Some(slices.Sorted(maps.Keys(files)), diag.MostNames)))
	}
	return notes
}

// unused are the reasons why an object is not imported that no imported object uses.
var unused = map[string]string{
	"GitRepository":  "no imported Kustomization or HelmRelease in its namespace uses it",
	"HelmRepository": "no imported HelmRelease in its namespace uses it",
	"OCIRepository":  "no imported Kustomization or HelmRelease in its namespace uses it",
	"MetricTemplate": "no imported Canary uses it",
	"AlertProvider":  "no imported Canary uses it",
}
