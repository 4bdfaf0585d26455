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

// A reader reads Canaries with what stands beside them.
type reader struct {
	c    *rollout.Compilation
	opts Options
	in   *rollout.Installation
	// beside are the documents that Canaries are judged with, those of one name together: they are of different
	// clusters. What names its namespace comes first, so that it wins over what does not. Several are the names that
	// more than one has.
	beside  [][]*candidate
	several [][]*candidate
	// inFile are the documents of several by their files.
	inFile map[string][]*candidate
	// near is what was chosen for Canaries in a place, and chosen all that was, by its choice.
	near   map[place]*surroundings
	chosen map[string]*surroundings
	// nameless reports whether an object names no namespace, so that it is in that of each Canary.
	nameless bool
}

// A candidate is a document that a Canary may be judged with: a MetricTemplate, or else an object.
type candidate struct {
	doc      *schema.Document
	object   source.Object
	template *rules.Template
	// path is that of the file, by its names.
	path []string
}

// turn is 0 where the object names its namespace, or its kustomization does, and 1 where it takes that of a Canary.
func (c *candidate) turn() int {
	if c.object.Namespace != "" || c.template != nil && c.template.ID.Namespace != "" {
		return 0
	}
	return 1
}

// surroundings are the documents that Canaries are judged with.
type surroundings struct {
	// namespace of objects that name none.
	namespace string
	documents documents
	built     *source.Built
	templates map[api.NamespacedReference]*rules.Template
	// chosen are the documents themselves.
	chosen map[*schema.Document]bool
}

// A place is where Canaries stand: a directory or a file, and the namespace of what names none there.
type place struct{ in, namespace string }

// All returns the plain Canaries among documents. Where a RenderConfig says what the clusters have, in is that, else nil.
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

// checkTwice reports Canaries of one file that overwrite each other. Those of several files may be of several clusters,
// or one in place of the other.
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
			message, hint := fmt.Sprintf("the Canary %s (%s) rolls out the same %s: the two overwrite each other's steps", other.ID.Name, other.doc.Position("metadata", "name"), r.TargetRef.Kind), "remove one of the two Canaries"
			switch made.kind {
			case "Canary":
				message, hint = fmt.Sprintf("the Canary %s is there already (%s): the cluster keeps the last one applied", r.ID.Name, other.doc.Position("metadata", "name")), "remove one of the two, or give it another name"
			case "Service":
				message, hint = fmt.Sprintf("the Canary %s (%s) has the Services %s as well: the two overwrite each other's", other.ID.Name, other.doc.Position("metadata", "name"), made.name), "give the Service of one of the two another name"
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

// checkTemplates reports what is wrong with MetricTemplates that no Canary among the documents names.
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
	for _, c := range slices.Concat(r.beside...) {
		if c.template == nil || named[c.doc] {
			continue
		}
		for _, f := range rules.CheckTemplate(c.template, r.installed(&flagger.Canary{})) {
			report(r.c, c.doc, f)
		}
	}
}

// newReader sorts documents by the names of their objects.
func newReader(c *rollout.Compilation, docs *schema.Documents, opts Options, in *rollout.Installation) *reader {
	r := &reader{c: c, opts: opts, in: in, inFile: map[string][]*candidate{}, near: map[place]*surroundings{}, chosen: map[string]*surroundings{}}
	named := map[manifest.Identity]int{}
	add := func(id manifest.Identity, made *candidate) {
		r.nameless = r.nameless || id.Namespace == "" && id.Kind != "Namespace" && id.Kind != "ClusterRoleBinding"
		made.path = strings.Split(made.doc.File(), "/")
		i, ok := named[id]
		if !ok {
			i = len(r.beside)
			named[id] = i
			r.beside = append(r.beside, nil)
		}
		r.beside[i] = append(r.beside[i], made)
	}
	for _, d := range docs.Beside {
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
	slices.SortStableFunc(r.beside, func(a, b []*candidate) int { return cmp.Compare(a[0].turn(), b[0].turn()) })
	for _, all := range r.beside {
		if len(all) > 1 {
			r.several = append(r.several, all)
			for _, one := range all {
				r.inFile[one.doc.File()] = append(r.inFile[one.doc.File()], one)
			}
		}
	}
	return r
}

// isMade reports whether Flagger made an object of a cluster: a Canary owns it (fluxcd/flagger pkg/canary and
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
		spec.Analysis.Iterations = 1 // or more, which decides the strategy
	}
	id := manifest.Identity{Group: "flagger.app", Kind: "Canary", Namespace: r.namespaceOf(d, spec), Name: d.Name}
	around := r.around(path.Dir(d.File())+"/", id.Namespace)
	if slices.ContainsFunc(r.inFile[d.File()], func(c *candidate) bool { return !around.has(c.doc) }) {
		around = r.around(d.File(), id.Namespace) // where others of the same names are beside the Canary
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

// around returns the documents that Canaries in a directory or a file are judged with: of several of one name, which are
// those of different clusters, the nearest. Places with the same choice share them.
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
		for _, all := range r.beside {
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

// add adds a document, unless one in the namespace has the same name.
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

// has reports whether a document is among those that were chosen.
func (s *surroundings) has(d *schema.Document) bool {
	return s.chosen[d]
}

// nearestTo returns the index of the candidate whose file has most of a path in common. It is false where two have as
// much: nobody knows which of them is meant.
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
