// Package place finds the clusters of Applications: it sorts the documents by kind, and finds the fleet, the
// targets and the dependencies of each policy.
package place

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// An Input holds the documents by kind, each kind sorted by namespace and name. These lists contain no document
// that does not match the schema of its kind.
type Input struct {
	Applications []*Application
	// Variants holds the Applications as their clusters get them, once placed. One with overrides or variables
	// may have several variants, each for other clusters.
	Variants       []*Application
	Fleets         []*Fleet
	Meshes         []*Mesh
	AlertProviders []*AlertProvider
	// Platforms holds the platforms of clusters, in the order of their fleets, once placed.
	Platforms []*Platform
	// RenderConfig is the RenderConfig, or nil.
	RenderConfig *schema.Document
	// Documents holds the documents of all kinds, the first one of each object.
	Documents []*schema.Document

	// platformOf holds the platforms of clusters, by name, once placed.
	platformOf map[string]*Platform
	docs       *schema.Documents
	report     *report.Report
	clusters   []*Cluster
	// defined holds all documents by the object that they define.
	defined map[objectKey]definition
	// clusterNamed holds the first cluster of each name, of any kind and namespace.
	clusterNamed map[string]*Cluster
	// fleetNamed holds the first fleet of each name, and fleetsIn the names of the fleets of each namespace.
	fleetNamed map[string]*Fleet
	fleetsIn   map[string][]string
	// misshapen holds the documents that do not match the schema of their kind.
	misshapen []*schema.Document
}

type objectKey struct{ kind, namespace, name string }

// A definition is a document, with its object if it is valid and other documents may reference it.
type definition struct {
	doc    *schema.Document
	object any
}

// Rollouts reports whether the documents contain plain Flagger objects.
func (in *Input) Rollouts() bool { return in.docs.Rollouts }

// NewInput sorts the documents by kind, and reports objects that are defined twice.
func NewInput(all *schema.Documents, to *report.Report) *Input {
	in := &Input{
		docs: all, report: to, defined: map[objectKey]definition{},
		clusterNamed: map[string]*Cluster{}, fleetNamed: map[string]*Fleet{}, fleetsIn: map[string][]string{},
	}
	docs := slices.Clone(all.All)
	slices.SortStableFunc(docs, func(a, b *schema.Document) int {
		p, q := a.Position(), b.Position()
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind.Name, b.Kind.Name),
			cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
	})
	docs = slices.CompactFunc(docs, func(a, b *schema.Document) bool { return a.Position() == b.Position() && a.Kind.Name == b.Kind.Name })
	applications := slices.ContainsFunc(docs, func(d *schema.Document) bool { return d.Kind.Name == "Application" || d.Kind.Name == "Fleet" })
	for _, d := range docs {
		if d.IsOfRollout() || all.Rollouts && !applications && d.Kind.Name == "AlertProvider" && in.defined[objectKey{d.Kind.Name, d.Namespace, d.Name}].doc != nil {
			continue // several with one name are for several clusters
		}
		key := objectKey{d.Kind.Name, d.Namespace, d.Name}
		switch d.Kind.Name {
		case "Mesh":
			key.namespace = "" // cluster-scoped
		case "RenderConfig":
			key.namespace, key.name = "", "" // only one may exist
		}
		if first, ok := in.defined[key]; ok {
			message, hint := fmt.Sprintf("%s %s is already defined at %s", d.Kind.Name, d.Name, first.doc.Position()), "remove one of the two"
			if d.Kind.Name == "RenderConfig" {
				message, hint = fmt.Sprintf("there is already a RenderConfig at %s", first.doc.Position()), "merge the two into one"
			}
			to.Add(d.Diagnostic(diag.DefinedTwice, schema.Path{"metadata", "name"}, message, hint))
			continue
		}
		in.defined[key] = definition{d, in.add(d)}
		in.Documents = append(in.Documents, d)
	}
	if !applications && !all.Rollouts && all.Complete() {
		message, hint := "the inputs have no Application and no Fleet", "name the files or directories that contain them"
		if others := all.OtherTools(); len(others) > 0 {
			called, _, _ := strings.Cut(others[0].Message, " is skipped")
			message, hint = fmt.Sprintf("%s, only %s at %s", message, called, others[0].Position), others[0].Hint
		}
		to.Add(diag.New(diag.NothingToCompile, diag.Position{}, "", message, hint))
	}
	return in
}

// add adds a document to the documents of its kind, and returns the object that other documents may reference.
func (in *Input) add(d *schema.Document) any {
	if d.Partial {
		in.misshapen = append(in.misshapen, d)
	}
	switch o := d.Object.(type) {
	case *api.Application:
		in.Applications = append(in.Applications, &Application{Application: o, Doc: d, Namespace: d.Namespace, Name: d.Name, SourceName: d.Name})
	case *api.Fleet:
		f := &Fleet{Fleet: o, Doc: d, Namespace: d.Namespace, Name: d.Name}
		in.Fleets = append(in.Fleets, f)
		if _, ok := in.fleetNamed[f.Name]; !ok {
			in.fleetNamed[f.Name] = f
		}
		in.fleetsIn[f.Namespace] = append(in.fleetsIn[f.Namespace], f.Name)
		return f
	case *api.AttachedCluster:
		return in.addCluster(&Cluster{Doc: d, kind: d.Kind.Name, Namespace: d.Namespace, Name: d.Name, Labels: o.Metadata.Labels, Kubeconfig: o.Spec.Kubeconfig})
	case *api.Cluster:
		return in.addCluster(&Cluster{Doc: d, kind: d.Kind.Name, Namespace: d.Namespace, Name: d.Name, Labels: o.Metadata.Labels})
	case *api.Mesh:
		in.Meshes = append(in.Meshes, &Mesh{Mesh: o, Doc: d, Name: d.Name})
	case *api.AlertProvider:
		p := &AlertProvider{AlertProvider: o, Doc: d, Namespace: d.Namespace, Name: d.Name}
		in.AlertProviders = append(in.AlertProviders, p)
		return p
	case *api.RenderConfig:
		in.RenderConfig = d
	default:
		in.misshapen = append(in.misshapen, d)
	}
	return nil
}

func (in *Input) addCluster(cl *Cluster) *Cluster {
	in.clusters = append(in.clusters, cl)
	if _, ok := in.clusterNamed[cl.Name]; !ok {
		in.clusterNamed[cl.Name] = cl
	}
	return cl
}

// VariantsByApplication yields all variants of each Application.
func (in *Input) VariantsByApplication() iter.Seq[[]*Application] {
	return func(yield func([]*Application) bool) {
		for rest := in.Variants; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].Variant > 0 {
				n++
			}
			if !yield(rest[:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// find looks up an object that the documents define. It returns nil and true for an object whose document is
// invalid, or may be in an unreadable file; both are reported.
func find[T any](in *Input, key objectKey) (found *T, known bool) {
	if found, ok := in.defined[key].object.(*T); ok {
		return found, true
	}
	return nil, in.MayDefine(key.kind, key.namespace, key.name)
}

// MayDefine reports whether the documents define an object, or whether an unreadable file may.
func (in *Input) MayDefine(kind, namespace, name string) bool {
	_, known := in.defined[objectKey{kind, namespace, name}]
	return known || in.docs.MayDefine(name)
}

// MayMiss reports whether unreadable files may contain further objects of a kind.
func (in *Input) MayMiss(kind string) bool {
	return !in.docs.Complete() || slices.ContainsFunc(in.misshapen, func(d *schema.Document) bool { return d.Kind.Name == kind })
}

func (in *Input) findFleet(namespace, name string) (*Fleet, bool) {
	return find[Fleet](in, objectKey{"Fleet", namespace, name})
}

func (in *Input) findCluster(kind, namespace, name string) (*Cluster, bool) {
	return find[Cluster](in, objectKey{kind, namespace, name})
}

// AlertProvider returns an AlertProvider of the input, and reports whether the input has it or may have it.
func (in *Input) AlertProvider(namespace, name string) (*AlertProvider, bool) {
	return find[AlertProvider](in, objectKey{"AlertProvider", namespace, name})
}
