// Package place finds the clusters that Applications go to: the documents by kind, and of
// each policy the fleet, the targets and the dependencies.
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

// An Input is the documents by kind, each kind sorted by namespace and name. A
// document that does not have the shape of its kind is in none of these lists.
type Input struct {
	Applications []*Application
	// Variants are the Applications as their clusters get them, once placed: of one with overrides
	// or variables there may be several, each for other clusters.
	Variants       []*Application
	Fleets         []*Fleet
	Meshes         []*Mesh
	AlertProviders []*AlertProvider
	// Platforms are what clusters have for their rollouts, in the order of their fleets, once placed.
	Platforms []*Platform
	// RenderConfig is the RenderConfig, or nil.
	RenderConfig *schema.Document
	// Documents are the documents of all kinds, the first one of each object.
	Documents []*schema.Document

	// platformOf are the platforms of clusters, by name, once placed.
	platformOf map[string]*Platform
	docs       *schema.Documents
	report     *report.Report
	clusters   []*Cluster
	// defined are all documents by what they define.
	defined map[objectKey]definition
	// clusterNamed is the first cluster of a name, of whatever kind and namespace.
	clusterNamed map[string]*Cluster
	// fleetNamed is the first fleet of a name, and fleetsIn the names of those of a namespace.
	fleetNamed map[string]*Fleet
	fleetsIn   map[string][]string
	// misshapen are the documents that do not have the shape of their kind.
	misshapen []*schema.Document
}

type objectKey struct{ kind, namespace, name string }

// A definition is a document, with its object if that is valid and others may refer to it.
type definition struct {
	doc    *schema.Document
	object any
}

// Rollouts reports whether anything of Flagger's is among the documents that is judged as it is.
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
			continue // several of one name are for several clusters
		}
		key := objectKey{d.Kind.Name, d.Namespace, d.Name}
		switch d.Kind.Name {
		case "Mesh":
			key.namespace = "" // cluster-scoped
		case "RenderConfig":
			key.namespace, key.name = "", "" // one of all
		}
		if first, ok := in.defined[key]; ok {
			message, hint := fmt.Sprintf("%s %s is already defined at %s", d.Kind.Name, d.Name, first.doc.Position()), "remove one of the two"
			if d.Kind.Name == "RenderConfig" {
				message, hint = fmt.Sprintf("there is already a RenderConfig at %s", first.doc.Position()), "make one of the two"
			}
			to.Add(d.Diagnostic(diag.DefinedTwice, schema.Path{"metadata", "name"}, message, hint))
			continue
		}
		in.defined[key] = definition{d, in.add(d)}
		in.Documents = append(in.Documents, d)
	}
	if !applications && !all.Rollouts && all.Complete() {
		message, hint := "no Application and no Fleet among the inputs", "name the files or directories that hold them"
		if others := all.OtherTools(); len(others) > 0 {
			called, _, _ := strings.Cut(others[0].Message, " is skipped")
			message, hint = fmt.Sprintf("%s; %s at %s is none", message, called, others[0].Position), others[0].Hint
		}
		to.Add(diag.New(diag.NothingToCompile, diag.Position{}, "", message, hint))
	}
	return in
}

// add adds a document to those of its kind, and returns the object that others may refer to.
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

// VariantsByApplication yields the variants of one Application after the other.
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

// find looks up an object that the documents define. Known but nil is an object whose
// document is broken, or may be among those that could not be read: either is reported.
func find[T any](in *Input, key objectKey) (found *T, known bool) {
	if found, ok := in.defined[key].object.(*T); ok {
		return found, true
	}
	return nil, in.MayDefine(key.kind, key.namespace, key.name)
}

// MayDefine reports whether the documents define an object, or those that are unreadable may.
func (in *Input) MayDefine(kind, namespace, name string) bool {
	_, known := in.defined[objectKey{kind, namespace, name}]
	return known || in.docs.MayDefine(name)
}

// MayMiss reports whether there may be more objects of a kind than could be read.
func (in *Input) MayMiss(kind string) bool {
	return !in.docs.Complete() || slices.ContainsFunc(in.misshapen, func(d *schema.Document) bool { return d.Kind.Name == kind })
}

func (in *Input) findFleet(namespace, name string) (*Fleet, bool) {
	return find[Fleet](in, objectKey{"Fleet", namespace, name})
}

func (in *Input) findCluster(kind, namespace, name string) (*Cluster, bool) {
	return find[Cluster](in, objectKey{kind, namespace, name})
}

// AlertProvider returns an AlertProvider of the input, and whether the input has it or may have it.
func (in *Input) AlertProvider(namespace, name string) (*AlertProvider, bool) {
	return find[AlertProvider](in, objectKey{"AlertProvider", namespace, name})
}
