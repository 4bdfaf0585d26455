package render

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// An input is the documents by kind, each kind sorted by namespace and name. A
// document that does not have the shape of its kind is in none of these lists.
type input struct {
	applications   []*application
	fleets         []*fleet
	clusters       []*cluster
	meshes         []*mesh
	alertProviders []*alertProvider
	// renderConfig is the RenderConfig, or nil.
	renderConfig *schema.Document

	// sorted are the documents, each object once.
	sorted []*schema.Document

	docs *schema.Documents
	*report.Report
	// known is everything the documents define, whole or not, and defined what is referred
	// to of that and has the shape of its kind.
	known   map[objectKey]*schema.Document
	defined map[objectKey]any
	// clusterNamed is the first cluster of a name, of whatever kind and namespace.
	clusterNamed map[string]*cluster
	// fleetNamed is the first fleet of a name, and fleetsIn the names of those of a namespace.
	fleetNamed map[string]*fleet
	fleetsIn   map[string][]string
	// misshapen are the documents that do not have the shape of their kind.
	misshapen []*schema.Document
}

type objectKey struct{ kind, namespace, name string }

// newInput sorts the documents by kind, and reports objects that are defined twice.
func newInput(all *schema.Documents, to *report.Report) *input {
	in := &input{
		docs: all, Report: to,
		known: map[objectKey]*schema.Document{}, defined: map[objectKey]any{}, clusterNamed: map[string]*cluster{},
		fleetNamed: map[string]*fleet{}, fleetsIn: map[string][]string{},
	}
	docs := slices.Clone(all.All)
	slices.SortStableFunc(docs, func(a, b *schema.Document) int {
		p, q := a.Position(), b.Position()
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind.Name, b.Kind.Name),
			cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
	})
	docs = slices.CompactFunc(docs, func(a, b *schema.Document) bool { return a.Position() == b.Position() && a.Kind.Name == b.Kind.Name })
	applications := false
	for _, d := range docs {
		key := objectKey{d.Kind.Name, d.Namespace, d.Name}
		switch d.Kind.Name {
		case "Mesh":
			key.namespace = "" // cluster-scoped
		case "RenderConfig":
			key.namespace, key.name = "", "" // one of all
		case "Application", "Fleet":
			applications = true
		}
		if first, ok := in.known[key]; ok {
			message := fmt.Sprintf("%s %s is already defined at %s", d.Kind.Name, d.Name, first.Position())
			hint := "remove one of the two"
			if d.Kind.Name == "RenderConfig" {
				message = fmt.Sprintf("there is already a RenderConfig at %s", first.Position())
				hint = "make one of the two"
			}
			in.Add(d.Diagnostic(diag.DefinedTwice, schema.Path{"metadata", "name"}, message, hint))
			continue
		}
		in.known[key] = d
		in.sorted = append(in.sorted, d)
		if o := in.add(d); o != nil {
			in.defined[key] = o
		}
	}
	if !applications && all.Complete() {
		in.Add(diag.New(diag.NothingToCompile, diag.Position{}, "", "no Application and no Fleet among the inputs", "name the files or directories that hold them"))
	}
	return in
}

// add adds a document to those of its kind, and returns the object that others may refer to.
func (in *input) add(d *schema.Document) any {
	if d.Salvaged {
		in.misshapen = append(in.misshapen, d)
	}
	switch o := d.Object.(type) {
	case *api.Application:
		in.applications = append(in.applications, &application{Application: o, doc: d, namespace: d.Namespace, name: d.Name})
	case *api.Fleet:
		f := &fleet{Fleet: o, doc: d, namespace: d.Namespace, name: d.Name}
		in.fleets = append(in.fleets, f)
		if _, ok := in.fleetNamed[f.name]; !ok {
			in.fleetNamed[f.name] = f
		}
		in.fleetsIn[f.namespace] = append(in.fleetsIn[f.namespace], f.name)
		return f
	case *api.AttachedCluster:
		return in.addCluster(&cluster{doc: d, kind: d.Kind.Name, namespace: d.Namespace, name: d.Name, labels: o.Metadata.Labels, kubeconfig: o.Spec.Kubeconfig})
	case *api.Cluster:
		return in.addCluster(&cluster{doc: d, kind: d.Kind.Name, namespace: d.Namespace, name: d.Name, labels: o.Metadata.Labels})
	case *api.Mesh:
		in.meshes = append(in.meshes, &mesh{Mesh: o, doc: d, name: d.Name})
	case *api.AlertProvider:
		p := &alertProvider{AlertProvider: o, doc: d, namespace: d.Namespace, name: d.Name}
		in.alertProviders = append(in.alertProviders, p)
		return p
	case *api.RenderConfig:
		in.renderConfig = d
	default:
		in.misshapen = append(in.misshapen, d)
	}
	return nil
}

func (in *input) addCluster(cl *cluster) *cluster {
	in.clusters = append(in.clusters, cl)
	if _, ok := in.clusterNamed[cl.name]; !ok {
		in.clusterNamed[cl.name] = cl
	}
	return cl
}

// find looks up an object that the documents define. Known but nil is an object whose
// document is broken, or may be among those that could not be read: either is reported.
func find[T any](in *input, key objectKey) (found *T, known bool) {
	if found, ok := in.defined[key].(*T); ok {
		return found, true
	}
	return nil, in.mayDefine(key)
}

// mayDefine reports whether the documents define an object, or may, since not all of them
// could be read.
func (in *input) mayDefine(key objectKey) bool {
	_, known := in.known[key]
	return known || in.docs.MayDefine(key.name)
}

// mayMiss reports whether there may be more objects of a kind than could be read.
func (in *input) mayMiss(kind string) bool {
	return !in.docs.Complete() || slices.ContainsFunc(in.misshapen, func(d *schema.Document) bool { return d.Kind.Name == kind })
}

func (in *input) findFleet(namespace, name string) (*fleet, bool) {
	return find[fleet](in, objectKey{"Fleet", namespace, name})
}

func (in *input) findCluster(kind, namespace, name string) (*cluster, bool) {
	return find[cluster](in, objectKey{kind, namespace, name})
}

// alertProvider returns an AlertProvider of the input, and whether the input has it or may
// have it.
func (in *input) alertProvider(namespace, name string) (*alertProvider, bool) {
	return find[alertProvider](in, objectKey{"AlertProvider", namespace, name})
}
