// Package importer makes Applications, a Fleet and a RenderConfig of what a Flux repository holds. It moves the
// nodes of what it reads, so that comments go where their values go, and compiles what it has made: what is
// rendered otherwise than it was read stays where it is, or is reported.
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

// A Cluster is what is read of a cluster.
type Cluster struct {
	// Name of the cluster. Without it, the cluster is what a Flux Kustomization in the files bootstraps, and
	// there may be several of these.
	Name string
	// Files of the repository that the cluster syncs.
	Files []schema.File
}

// A Result is what was made, and what is to be said about it.
type Result struct {
	// Rejected is why nothing was made, or nil.
	Rejected *diag.Mistake `json:"-"`
	// Files are the documents, by names below a directory for them.
	Files []schema.File `json:"-"`
	// Imported are the objects that became documents, sorted by where they are.
	Imported []Imported `json:"imported"`
	// Stays are the objects that stay where they are, with the reasons.
	Stays []Note `json:"stays,omitempty"`
	// Differs are the differences between what is rendered and what was read.
	Differs []Note `json:"differs,omitempty"`
	// Notes are about all.
	Notes []string `json:"notes,omitempty"`
	// Steps move the clusters, in this order.
	Steps []Step `json:"steps,omitempty"`
	// Clusters are the names of the clusters.
	Clusters []string `json:"clusters"`
	// Output is the directory that the documents are rendered into, from the root of the repository, or "".
	Output string `json:"output,omitempty"`

	appliedWith func(dir string) string
}

// AppliedWith returns the directory that Flux applies with all that is below it, a directory for the documents
// included, or "". Flux knows none of the documents' kinds, and fails with them.
func (r *Result) AppliedWith(dir string) string { return r.appliedWith(dir) }

// An Imported is an object that became a part of a document.
type Imported struct {
	// Object is its kind, namespace and name, and File where it is.
	Object string `json:"object"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	// Becomes is the Application, and the field of it.
	Becomes string `json:"becomes"`
	// Renamed reports whether the rendered object has another name: the former stays on the cluster.
	Renamed bool `json:"renamed,omitempty"`

	// column is where the document begins, and ofFile how many of them are in the file.
	column, ofFile int
}

// A Note is about an object.
type Note struct {
	Object string `json:"object"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	// Field is the field that differs, or "".
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
}

// Import makes documents of what the clusters have.
func Import(clusters []Cluster) (*Result, diag.List) {
	m := &model{stays: map[manifest.Identity]string{}, seen: map[string]bool{}, patches: map[patchKey]*yaml.Node{}, added: map[patchKey]map[string]int{}, customs: map[patchKey]bool{}, elsewhere: map[diag.Position]string{}, listed: map[string]bool{}, visited: map[string]bool{}}
	for _, c := range clusters {
		r, notes := read(c.Files)
		m.notes = append(m.notes, notes...)
		m.written = append(m.written, r.written()...)
		m.addClusters(c.Name, r)
		if m.refused == nil {
			m.refused = m.apart()
		}
		if m.refused != nil {
			return &Result{Rejected: m.refused}, nil
		}
	}
	if m.problems.HasErrors() {
		return nil, m.problems.Sorted()
	}
	m.walkOthers()
	m.walkStrays()
	m.sort()
	m.leaveToParents()
	// What is rendered otherwise than it was read stays where it is. Each round leaves an object there, so there
	// is an end.
	for {
		m.assemble()
		left, list := m.compare()
		if list.HasErrors() {
			return nil, list
		}
		if !left && !m.leaveShared() && !m.leaveEmptied() {
			if m.refused != nil {
				return &Result{Rejected: m.refused}, nil
			}
			return m.result(), m.problems
		}
	}
}

// A target is a cluster with what was read of it.
type target struct {
	name      string
	bootstrap *bootstrap
	*repository
	objects map[manifest.Identity]*object
	// applied are the objects that Flux Kustomizations apply.
	applied map[manifest.Identity][]*object
	// workloads are the Flux Kustomizations that apply workloads, by kind, namespace and name.
	workloads map[manifest.Identity]manifest.Identity
}

// A model is what all documents are made of.
type model struct {
	targets []*target
	// others are the clusters in the files that are not to be imported, and elsewhere the documents that these apply,
	// with the reasons for which they stay.
	others    []*other
	elsewhere map[diag.Position]string
	// listed are the directories all of which Flux applies, and visited the files and directories that it does.
	listed, visited map[string]bool
	problems        diag.List
	// refused is why nothing is made, or nil.
	refused *diag.Mistake
	notes   []string
	// stays are the objects that stay where they are, with the reasons.
	stays map[manifest.Identity]string
	seen  map[string]bool

	// written are the files that have documents of our own kinds already.
	written []string
	// passed are the documents of our own kinds that were read.
	passed []*object
	// policies are what is imported of Flux Kustomizations and HelmReleases, sources of sources.
	policies []*item
	canaries []*item
	// patches are those of Canaries, found by the rounds before.
	patches map[patchKey]*yaml.Node
	// customs are the Canaries whose templates are the user's own, whatever their names.
	customs map[patchKey]bool
	// added are how many items at the ends of lists of policies with a rollout are those that it adds, by field.
	added map[patchKey]map[string]int
	// installed is what runs on the clusters already.
	installed *installation
	// flux is which of the versions of Flux the objects need.
	flux int

	// apps are the Applications of the last round, files what was made, and differs the differences.
	apps    []*application
	files   []schema.File
	differs []Note
	noted   map[Note]bool
	// second are the objects of the last round in whose place another is imported, with the reasons.
	second map[manifest.Identity]string
	// namespaces are the names of those that are rendered, too.
	namespaces map[string]bool
}

// An item is an object of one or several clusters.
type item struct {
	manifest.Identity
	// source that it names, if it names one.
	source manifest.Identity
	// on are the objects on the targets, by their places, nil where there is none.
	on []*object
}

// first returns the object of the first cluster that has it.
func (i *item) first() *object {
	return i.on[slices.IndexFunc(i.on, func(o *object) bool { return o != nil })]
}

// addClusters adds the clusters that files are of.
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
			m.refused = misnamed(name, found)
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
			m.problems = append(m.problems, diag.New(diag.Oversized, b.position(), "", fmt.Sprintf("%s applies more than %d files", b, maxVisits), "name a part of the repository"))
		}
		own.applied = w.applied
		m.walked(w)
		m.add(own, w.all)
	}
}

// An other cluster is one whose files were read, and which is not to be imported.
type other struct {
	*bootstrap
	*repository
}

// walkOthers finds what the clusters apply that are not imported.
func (m *model) walkOthers() {
	for _, o := range m.others {
		if !slices.ContainsFunc(m.targets, func(t *target) bool { return t.bootstrap != nil && t.bootstrap.document() == o.document() }) {
			why := fmt.Sprintf("Flux applies %s from the files as well, and that cluster is not imported", o.dir)
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

// installsFlux is why an object stays that Flux itself, or Flux Operator, is installed by.
const installsFlux = "it installs Flux itself"

// fluxCharts are the charts of Flux and of Flux Operator, and the artifact of Flux' manifests.
var fluxCharts = []string{"flux-operator", "flux-instance", "flux2", "flux-manifests"}

// leaveFlux leaves what installs Flux itself: the charts and the artifact, and what is applied from these.
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

// pass passes a document of ours on that was read from an API server, without what that has added.
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

// serverFields are those of metadata that an API server sets (k8s.io/apimachinery pkg/apis/meta/v1, ObjectMeta).
var serverFields = []string{
	"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generation", "managedFields",
	"ownerReferences", "resourceVersion", "selfLink", "uid",
}

// take takes an object of Flux or Flagger.
func (m *model) take(t *target, o *object) {
	former := current[o.Kind].former
	switch {
	case t.isFluxOwn(o) || isRendered(o) || isPatch(o):
		return
	case t.objects[o.Identity] != nil && t.objects[o.Identity].position() == o.position():
		if o.changed != "" {
			m.stays[o.Identity] = changedBy(o)
		}
		return // by another way
	case t.objects[o.Identity] != nil:
		m.stays[o.Identity] = "another file has it, too: " + o.file
		return
	case o.kurator():
		m.stays[o.Identity] = "Kurator has made it of an Application"
	case o.maker() != "":
		m.stays[o.Identity] = o.maker() + " has made it, and writes it again"
	case get(o.node, "metadata", "deletionTimestamp") != nil:
		m.stays[o.Identity] = "it is being deleted"
	case o.Kind == "Bucket":
		m.stays[o.Identity] = "an Application has no Bucket; what it is the source of refers to it by source.existing"
	case sourceOf(o).Kind == "HelmChart":
		m.stays[o.Identity] = "an Application has no HelmChart"
	case o.apiVersion != current[o.Kind].version && !slices.Contains(former, o.apiVersion):
		m.stays[o.Identity] = o.apiVersion + " is not a version that fleetwright reads"
	case o.changed != "":
		m.stays[o.Identity] = changedBy(o)
	case textAt(o.node, "metadata", "labels", shard) != "":
		m.stays[o.Identity] = "its label " + shard + " chooses the controller, and an Application has no field for it"
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

// isPatch reports whether an object of Flux or Flagger is a part of one.
func isPatch(o *object) bool {
	return get(o.node, "spec") == nil || (o.Kind == "Kustomization" || o.Kind == "HelmRelease") && sourceOf(o).Name == "" ||
		o.Group == sourceGroup && textAt(o.node, "spec", "url") == "" && o.Kind != "Bucket"
}

// changedBy returns why an object that is changed on its way to the cluster stays.
func changedBy(o *object) string {
	return o.changed + ": what is on the cluster is not what the file says"
}

// isFluxOwn reports whether an object is the source or the Kustomization of the bootstrap.
func (t *target) isFluxOwn(o *object) bool {
	if o.Namespace == fluxSystem && o.Name == fluxSystem && (o.Group == sourceGroup || o.Group == kustomizeGroup) {
		return true
	}
	b := t.bootstrap
	return b != nil && (o.Identity == b.Identity || o.Identity == b.source())
}

// sort sorts the objects of all clusters into what becomes of them.
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
	// The order is that of the names, so that it is the same of what was rendered.
	slices.SortStableFunc(m.policies, func(a, b *item) int {
		return cmp.Or(compareNames(a, b), cmp.Compare(a.source.String(), b.source.String()))
	})
	slices.SortStableFunc(m.canaries, compareNames)
	m.installed = m.findInstalled()
}

func compareNames(a, b *item) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind))
}

// leave leaves an object where it is, and reports whether it was to be imported.
func (m *model) leave(id manifest.Identity, reason string) bool {
	if m.stays[id] != "" {
		return false
	}
	m.stays[id], m.flux = reason, 0 // what it needed may be needed no longer
	return true
}

// leaveShared leaves the objects of a document that has to stay: another object is made of it that stays, or another
// cluster applies it. It reports whether there were any.
func (m *model) leaveShared() (left bool) {
	imported, _ := m.becomes()
	whole := maps.Clone(m.elsewhere)
	var objects []*object
	for _, t := range m.targets {
		for _, o := range t.sorted() {
			if imported[o] != "" {
				objects = append(objects, o)
			} else if whole[o.document()] == "" {
				whole[o.document()] = fmt.Sprintf("its document is %s as well, which stays", o)
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

// sorted returns the objects by where they are.
func (t *target) sorted() []*object { return slices.SortedFunc(maps.Values(t.objects), comparePlaces) }

// emptied is why a Flux Kustomization is not imported all of whose objects are.
const emptied = "all that it applies is imported: it is to be deleted when that has moved"

// leaveEmptied leaves the Flux Kustomizations that apply nothing else than what is imported: Flux fails with a
// directory that has no manifests. What others wait for keeps what it applies. It reports whether there were any.
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
				m.stays[p.Identity] = "not all that it applies is imported"
			case stays || m.stays[p.Identity] == emptied:
			case who == "" && m.stays[p.Identity] == "":
				left = m.leave(p.Identity, emptied)
			default:
				reason := fmt.Sprintf("%s applies nothing else, and stays", p)
				if who != "" {
					reason = fmt.Sprintf("%s applies nothing else, and %s waits for that", p, who)
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

// neededTemplates returns the MetricTemplates that Canaries name which stay, with why they stay, too.
func (m *model) neededTemplates() map[manifest.Identity]string {
	needed := map[manifest.Identity]string{}
	for _, c := range m.canaries {
		for _, o := range c.on {
			if o == nil || m.stays[c.Identity]+m.second[c.Identity] == "" {
				continue
			}
			for _, metric := range items(o.node, "spec", "analysis", "metrics") {
				if ref := get(metric, "templateRef"); ref != nil {
					needed[templateOf(ref, o)] = fmt.Sprintf("%s names it, and stays", o)
				}
			}
		}
	}
	return needed
}

// becomes returns what imported objects became, and which are rendered under other names.
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

// result returns what was made.
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
		r.Output = "" // what is rendered of the new documents alone lacks the Applications that are there
		r.Notes = append(r.Notes, fmt.Sprintf("%s has documents already: put the new Applications beside them, with the clusters and settings that are missing there, and render all of them together", diag.Some(names, diag.MostNames)))
	}
	var doubts []string
	if len(r.Imported) > 0 {
		doubts = m.doubts()
	}
	r.Notes = slices.Concat(doubts, r.Notes, m.notes, m.installed.notes)
	for _, t := range m.targets {
		if t.bootstrap != nil && t.bootstrap.dir == "." {
			r.Notes = append(r.Notes, fmt.Sprintf("the cluster %s syncs all of its repository: keep the documents in another one", t.name))
		}
	}
	if flux := fluxVersions[m.flux]; flux != "" {
		r.Notes = append(r.Notes, "the objects need Flux "+flux+", which versions.flux of the RenderConfig says now")
	}
	r.Notes = append(r.Notes, m.automated(imported)...)
	r.Notes = append(r.Notes, live(imported)...)
	for _, o := range m.passed {
		r.Notes = append(r.Notes, fmt.Sprintf("%s is passed on, without what an API server and Kurator add", o))
	}
	if names := slices.Sorted(maps.Keys(m.namespaces)); len(names) > 0 {
		r.Notes = append(r.Notes, "Namespaces are rendered, too, and applied where there are none: "+diag.Some(names, diag.MostNames))
	}
	listings, notes := m.listings()
	r.Notes = append(r.Notes, notes...)
	if len(doubts) == 0 {
		r.Steps = r.steps(gone, listings, m.formerTemplates(renamed))
	}
	return r
}

// doubts are why no order of commits can be told.
func (m *model) doubts() (all []string) {
	for _, t := range m.targets {
		if t.bootstrap == nil && len(t.objects) > 0 {
			all = append(all, "no file has the bootstrap of the cluster "+t.clusterName()+", so each file is taken for one that Flux applies there; name the root of the repository, with the directory that flux bootstrap has written, to get the order of the commits that move it")
		}
		if version := t.fluxVersion(); version != "" {
			all = append(all, fmt.Sprintf("the cluster %s has Flux %s by its files, and what is rendered needs 2.6 or newer: upgrade Flux first", t.clusterName(), version))
		}
	}
	return all
}

// fluxVersion returns the version of Flux that flux bootstrap has written beside the bootstrap, where it is too old for
// what is rendered (fluxcd/flux2 manifests/install/kustomization.yaml: the Namespace has it as a label).
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

// formerTemplates returns the MetricTemplates that are rendered under other names, with the clusters that have them.
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

// automated notes the imported objects whose files Flux's image automation writes (image-automation-controller
// internal/constants/constants.go, SetterShortHand).
func (m *model) automated(imported map[*object]string) (notes []string) {
	for _, t := range m.targets {
		for _, o := range t.sorted() {
			note := fmt.Sprintf("%s: %s has $imagepolicy comments: the ImageUpdateAutomation has to update the document instead, and render has to follow", o.position(), o)
			if imported[o] != "" && strings.Contains(commentsOf(o.node), "$imagepolicy") && !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}

// live notes the files of imported objects that Git does not have.
func live(imported map[*object]string) (notes []string) {
	files := map[string]bool{}
	for o := range imported {
		if o.isLive() {
			files[o.file] = true
		}
	}
	if len(files) > 0 {
		notes = append(notes, fmt.Sprintf("%s has objects as an API server has them: the commits are about the files in Git that these come from", diag.Some(slices.Sorted(maps.Keys(files)), diag.MostNames)))
	}
	return notes
}

// unused are the reasons for which an object is not imported that nothing needs.
var unused = map[string]string{
	"GitRepository":  "no policy of its namespace uses it",
	"HelmRepository": "no policy of its namespace uses it",
	"OCIRepository":  "no policy of its namespace uses it",
	"MetricTemplate": "no imported rollout names it",
	"AlertProvider":  "no imported rollout names it",
}
