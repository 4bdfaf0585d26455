package render

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// input is the documents by kind, each kind sorted by namespace and name. A
// document that does not have the shape of its kind is in known and misshapen
// only.
type input struct {
	apps     []*application
	fleets   []*fleet
	clusters []*cluster
	meshes   []*mesh
	// config is the RenderConfig, or nil.
	config *schema.Document

	alertProviders []*alertProvider

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

type application struct {
	*api.Application
	doc             *schema.Document
	namespace, name string
	policies        []*policy
	// named are the policies by their names.
	named map[string]*policy
}

// id is the name of the application's directories.
func (a *application) id() string { return a.namespace + "." + a.name }

type fleet struct {
	*api.Fleet
	doc             *schema.Document
	namespace, name string
	clusters        []*cluster
	stack           *stack
}

// A cluster is an AttachedCluster or a Cluster, or the one without a fleet.
type cluster struct {
	doc             *schema.Document
	kind            string
	namespace, name string
	labels          map[string]api.LabelValue
	// kubeconfig is the Secret that an AttachedCluster names, or nil.
	kubeconfig *api.SecretKey
}

type mesh struct {
	*api.Mesh
	doc  *schema.Document
	name string
}

// index sorts the documents and finds what is defined twice.
func (c *compiler) index(docs []*schema.Document) {
	docs = slices.Clone(docs)
	slices.SortStableFunc(docs, func(a, b *schema.Document) int {
		p, q := a.Position(), b.Position()
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind.Name, b.Kind.Name),
			cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
	})
	docs = slices.CompactFunc(docs, func(a, b *schema.Document) bool { return a.Position() == b.Position() && a.Kind.Name == b.Kind.Name })
	c.known, c.defined, c.clusterNamed = map[objectKey]*schema.Document{}, map[objectKey]any{}, map[string]*cluster{}
	c.fleetNamed, c.fleetsIn = map[string]*fleet{}, map[string][]string{}
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
		if first, ok := c.known[key]; ok {
			message := fmt.Sprintf("%s %s is already defined at %s", d.Kind.Name, d.Name, first.Position())
			hint := "remove one of the two"
			if d.Kind.Name == "RenderConfig" {
				message = fmt.Sprintf("there is already a RenderConfig at %s", first.Position())
				hint = "make one of the two"
			}
			c.Add(d.Diagnostic(diag.DefinedTwice, schema.Path{"metadata", "name"}, message, hint))
			continue
		}
		c.known[key] = d
		if o := c.add(d); o != nil {
			c.defined[key] = o
		}
	}
	if !applications && c.docs.Complete() {
		c.Add(diag.New(diag.NothingToCompile, diag.Position{}, "", "no Application and no Fleet among the inputs", "name the files or directories that hold them"))
	}
}

// add adds a document to those of its kind. It returns what others may refer to.
func (c *compiler) add(d *schema.Document) any {
	if d.Salvaged {
		c.misshapen = append(c.misshapen, d)
	}
	switch o := d.Object.(type) {
	case *api.Application:
		c.apps = append(c.apps, &application{Application: o, doc: d, namespace: d.Namespace, name: d.Name})
	case *api.Fleet:
		f := &fleet{Fleet: o, doc: d, namespace: d.Namespace, name: d.Name}
		c.fleets = append(c.fleets, f)
		if _, ok := c.fleetNamed[f.name]; !ok {
			c.fleetNamed[f.name] = f
		}
		c.fleetsIn[f.namespace] = append(c.fleetsIn[f.namespace], f.name)
		return f
	case *api.AttachedCluster:
		return c.addCluster(&cluster{doc: d, kind: d.Kind.Name, namespace: d.Namespace, name: d.Name, labels: o.Metadata.Labels, kubeconfig: o.Spec.Kubeconfig})
	case *api.Cluster:
		return c.addCluster(&cluster{doc: d, kind: d.Kind.Name, namespace: d.Namespace, name: d.Name, labels: o.Metadata.Labels})
	case *api.Mesh:
		c.meshes = append(c.meshes, &mesh{Mesh: o, doc: d, name: d.Name})
	case *api.AlertProvider:
		p := &alertProvider{AlertProvider: o, doc: d, namespace: d.Namespace, name: d.Name}
		c.alertProviders = append(c.alertProviders, p)
		return p
	case *api.RenderConfig:
		c.config = d
	default:
		c.misshapen = append(c.misshapen, d)
	}
	return nil
}

func (c *compiler) addCluster(cl *cluster) *cluster {
	c.clusters = append(c.clusters, cl)
	if _, ok := c.clusterNamed[cl.name]; !ok {
		c.clusterNamed[cl.name] = cl
	}
	return cl
}

// find looks something up that the documents define. Known but nil is something
// whose document is broken, or may be among those that could not be read: either
// has been said.
func find[T any](c *compiler, key objectKey) (found *T, known bool) {
	if found, ok := c.defined[key].(*T); ok {
		return found, true
	}
	return nil, c.mayDefine(key)
}

// mayDefine says whether the documents define something, or may: not all of them could be
// read.
func (c *compiler) mayDefine(key objectKey) bool {
	_, known := c.known[key]
	return known || c.docs.MayDefine(key.name)
}

// mayMiss says whether there may be more of a kind than could be read.
func (c *compiler) mayMiss(kind string) bool {
	return !c.docs.Complete() || slices.ContainsFunc(c.misshapen, func(d *schema.Document) bool { return d.Kind.Name == kind })
}

func (c *compiler) fleet(namespace, name string) (*fleet, bool) {
	return find[fleet](c, objectKey{"Fleet", namespace, name})
}

func (c *compiler) cluster(kind, namespace, name string) (*cluster, bool) {
	return find[cluster](c, objectKey{kind, namespace, name})
}
