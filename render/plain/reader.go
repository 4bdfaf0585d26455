package plain

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"path"
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

// A reader reads Canaries and the documents near them.
type reader struct {
	c    *rollout.Compilation
	opts Options
	in   *rollout.Installation
	// groups are the documents that the rules read with Canaries, grouped by identity: documents of one group
	// belong to different clusters. Documents that name their namespace come first and win over those that do
	// not. several are the groups with more than one document.
	groups  [][]*candidate
	several [][]*candidate
	// inFile are the documents of several, by file.
	inFile map[string][]*candidate
	// near is the choice of documents for the Canaries of a place; chosen are all choices, by their keys.
	near   map[place]*surroundings
	chosen map[string]*surroundings
	// nameless reports whether an object names no namespace, and so belongs to the namespace of each Canary.
	nameless bool
}

// A candidate is a document that the rules may read with a Canary: a MetricTemplate or another object.
type candidate struct {
	doc      *schema.Document
	object   source.Object
	template *rules.Template
	// path is the path of the file, split at slashes.
	path []string
}

// turn returns 0 if the object or its kustomization names a namespace, and 1 if it has the namespace of the
// Canary.
func (c *candidate) turn() int {
	if c.object.Namespace != "" || c.template != nil && c.template.ID.Namespace != "" {
		return 0
	}
	return 1
}

// surroundings are the documents that the rules read with a Canary.
type surroundings struct {
	// namespace is the namespace of objects that name none.
	namespace string
	documents documents
	built     *source.Built
	templates map[api.NamespacedReference]*rules.Template
	// chosen are the chosen documents.
	chosen map[*schema.Document]bool
}

// A place is the directory or file of Canaries, and the namespace of objects that name none there.
type place struct{ in, namespace string }

// All returns the plain Canaries among documents. in is the installation that a RenderConfig describes, or nil.
func All(c *rollout.Compilation, docs *schema.Documents, opts Options, in *rollout.Installation) (all []*Canary) {
	if !slices.ContainsFunc(docs.All, isRead) {
		return nil
	}
	r := newReader(c, docs, opts, in)
	for _, d := range docs.All {
		if o, ok := d.Object.(*api.Canary); ok {
			all = append(all, r.canary(d, o))
		}
	}
	slices.SortStableFunc(all, func(a, b *Canary) int { return a.doc.Position().Compare(b.doc.Position()) })
	checkTwice(all)
	r.checkTemplates(all)
	return all
}

// checkTwice reports Canaries of one file that overwrite each other. Canaries of different files may belong to
// different clusters, or one may replace the other.
func checkTwice(all []*Canary) {
	type claim struct{ file, namespace, kind, name string }
	first := map[claim]*Canary{}
	for _, r := range all {
		for _, made := range []struct {
			kind, name string
			at         schema.Path
		}{{"Canary", r.ID.Name, schema.Path{"metadata", "name"}}, {"target " + r.TargetRef.Kind, r.TargetRef.Name, schema.Path{"spec", "targetRef", "name"}}, {"Service", r.Service.Name, schema.Path{"spec", "service", "name"}}} {
			at := claim{r.doc.File(), r.ID.Namespace, made.kind, made.name}
			other := first[at]
			if made.name == "" || r.doc.IsOpenAt(schema.Path{"metadata"}) || r.doc.IsOpenAt(made.at) {
				continue
			}
			if other == nil {
				first[at] = r
				continue
			}
			message, hint := fmt.Sprintf("Canary %s (%s) rolls out the same %s; the two overwrite each other", other.ID.Name, other.doc.Position("metadata", "name"), r.TargetRef.Kind), "remove one of the two Canaries"
			switch made.kind {
			case "Canary":
				message, hint = fmt.Sprintf("Canary %s exists already (%s); the cluster keeps the one applied last", r.ID.Name, other.doc.Position("metadata", "name")), "remove one of the two, or give it another name"
			case "Service":
				message, hint = fmt.Sprintf("Canary %s (%s) also uses the Service %s; the two overwrite each other", other.ID.Name, other.doc.Position("metadata", "name"), made.name), "give the Service of one of the two another name"
			}
			r.c.Add(r.doc.Diagnostic(diag.MadeTwice, made.at, message, hint))
			break
		}
	}
}

func isRead(d *schema.Document) bool {
	switch d.Object.(type) {
	case *api.Canary, *api.MetricTemplate:
		return true
	}
	return false
}

// checkTemplates reports mistakes in MetricTemplates that no Canary among the documents names.
func (r *reader) checkTemplates(all []*Canary) {
	named := map[*schema.Document]bool{}
	for _, canary := range all {
		for _, m := range canary.Analysis.Metrics {
			if m.TemplateRef != nil {
				id := manifest.Identity{Group: "flagger.app", Kind: "MetricTemplate", Namespace: cmp.Or(m.TemplateRef.Namespace, canary.ID.Namespace), Name: m.TemplateRef.Name}
				named[canary.documents[id]] = true
			}
		}
	}
	for _, c := range slices.Concat(r.groups...) {
		if c.template == nil || named[c.doc] {
			continue
		}
		for _, f := range rules.CheckTemplate(c.template, r.installed(&flagger.Canary{})) {
			report(r.c, c.doc, f)
		}
	}
}

// newReader groups documents by the identities of their objects.
func newReader(c *rollout.Compilation, docs *schema.Documents, opts Options, in *rollout.Installation) *reader {
	r := &reader{c: c, opts: opts, in: in, inFile: map[string][]*candidate{}, near: map[place]*surroundings{}, chosen: map[string]*surroundings{}}
	named := map[manifest.Identity]int{}
	add := func(id manifest.Identity, made *candidate) {
		r.nameless = r.nameless || id.Namespace == "" && id.Kind != "Namespace" && id.Kind != "ClusterRoleBinding"
		made.path = strings.Split(made.doc.File(), "/")
		i, ok := named[id]
		if !ok {
			i = len(r.groups)
			named[id] = i
			r.groups = append(r.groups, nil)
		}
		r.groups[i] = append(r.groups[i], made)
	}
	for _, d := range docs.Context {
		if o, err := source.NewObject(d.JSON(), d.File()); err == nil && !isMade(&o) {
			o.Namespace = cmp.Or(o.Namespace, opts.Namespaces[d.File()])
			add(o.Identity(""), &candidate{doc: d, object: o})
		}
	}
	for _, d := range docs.All {
		if t, ok := d.Object.(*api.MetricTemplate); ok {
			id := manifest.Identity{Group: "flagger.app", Kind: d.Kind.Name, Namespace: cmp.Or(d.Text("metadata", "namespace"), opts.Namespaces[d.File()]), Name: d.Name}
			add(id, &candidate{doc: d, template: &rules.Template{ID: id, MetricTemplate: flagger.MetricTemplate{Provider: t.Spec.Provider, Query: t.Spec.Query}}})
		}
	}
	slices.SortStableFunc(r.groups, func(a, b []*candidate) int { return cmp.Compare(a[0].turn(), b[0].turn()) })
	for _, all := range r.groups {
		if len(all) > 1 {
			r.several = append(r.several, all)
			for _, one := range all {
				r.inFile[one.doc.File()] = append(r.inFile[one.doc.File()], one)
			}
		}
	}
	return r
}

// isMade reports whether Flagger created an object of a cluster: a Canary owns it (fluxcd/flagger pkg/canary and
// pkg/router, OwnerReferences).
func isMade(o *source.Object) bool {
	owned := source.Read[struct {
		Metadata struct {
			OwnerReferences []struct{ APIVersion, Kind string }
		}
	}](o)
	return owned != nil && slices.ContainsFunc(owned.Metadata.OwnerReferences, func(by struct{ APIVersion, Kind string }) bool {
		return by.Kind == "Canary" && strings.HasPrefix(by.APIVersion, "flagger.app/")
	})
}

// canary returns the Canary of a document.
func (r *reader) canary(d *schema.Document, o *api.Canary) *Canary {
	spec := specOf(o)
	if d.IsOpenAt(schema.Path{"spec", "analysis", "iterations"}) {
		spec.Analysis.Iterations = 1 // or more; the strategy depends on it
	}
	id := manifest.Identity{Group: "flagger.app", Kind: "Canary", Namespace: r.namespaceOf(d, spec), Name: d.Name}
	around := r.around(path.Dir(d.File())+"/", id.Namespace)
	if slices.ContainsFunc(r.inFile[d.File()], func(c *candidate) bool { return !around.has(c.doc) }) {
		around = r.around(d.File(), id.Namespace) // if another document of the same identity is in the Canary's file
	}
	from := origin{id, d, around.documents}
	on := r.installed(spec)
	spec.Provider = cmp.Or(spec.Provider, on.MeshProvider, provider.Implied(spec, func(field ...any) bool { return d.Has(append([]any{"spec"}, field...)...) }))
	canary := &Canary{c: r.c, origin: from, Rollout: &rules.Rollout{
		Plain: true, ID: id, Canary: spec, Templates: around.templates, Complete: d.Valid && !d.IsOpenAt(schema.Path{"spec", "analysis"}), Source: from, On: on,
		Mesh: o.Metadata.Annotations[rules.MeshAnnotation], Annotations: o.Metadata.Annotations, Tester: rules.LoadTester{ID: manifest.Identity{Kind: "Service", Namespace: id.Namespace}},
	}}
	if len(around.built.Objects) > 0 {
		canary.Manifests = &source.Set{Built: around.built, DefaultNamespace: around.namespace}
		canary.Ingress = ingressOf(canary.Rollout)
	}
	return canary
}

// around returns the documents that the rules read with the Canaries of a directory or a file. If several have
// the same identity, they belong to different clusters, and the nearest is chosen. Places with the same choice
// share it.
func (r *reader) around(in, namespace string) *surroundings {
	at := place{in, namespace}
	if s := r.near[at]; s != nil {
		return s
	}
	own := strings.Split(in, "/")
	var choice []byte
	if r.nameless {
		choice = []byte(namespace)
	}
	nearest := make(map[*candidate]bool, len(r.several))
	for _, all := range r.several {
		i, ok := nearestTo(own, all)
		if ok {
			nearest[all[i]] = true
		} else {
			i = len(all)
		}
		choice = binary.AppendUvarint(append(choice, 0), uint64(i))
	}
	s := r.chosen[string(choice)]
	if s == nil {
		s = &surroundings{namespace, documents{}, &source.Built{}, map[api.NamespacedReference]*rules.Template{}, map[*schema.Document]bool{}}
		for _, all := range r.groups {
			for _, one := range all {
				if len(all) == 1 || nearest[one] {
					s.add(one, namespace)
				}
			}
		}
		r.chosen[string(choice)] = s
	}
	r.near[at] = s
	return s
}

// add adds a document, unless it has one of the same identity.
func (s *surroundings) add(c *candidate, namespace string) {
	id := c.object.Identity(namespace)
	if c.template != nil {
		id = c.template.ID
		id.Namespace = cmp.Or(id.Namespace, namespace)
	}
	if s.documents[id] != nil {
		return
	}
	s.documents[id], s.chosen[c.doc] = c.doc, true
	if c.template == nil {
		s.built.Objects = append(s.built.Objects, c.object)
		return
	}
	t := *c.template
	t.ID = id
	s.templates[api.NamespacedReference{Name: id.Name, Namespace: id.Namespace}] = &t
}

// has reports whether a document was chosen.
func (s *surroundings) has(d *schema.Document) bool {
	return s.chosen[d]
}

// nearestTo returns the index of the candidate whose file shares the longest path. It returns false if two share
// as much: either may be meant.
func nearestTo(own []string, all []*candidate) (best int, ok bool) {
	most := -1
	for i, c := range all {
		n := 0
		for n < len(own) && n < len(c.path) && own[n] == c.path[n] {
			n++
		}
		if ok = ok && n != most; n > most {
			best, most, ok = i, n, true
		}
	}
	return best, ok
}
