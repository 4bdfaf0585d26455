package render

import (
	"encoding/binary"
	"slices"

	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/tree"
)

// An assembler creates the directories of clusters.
type assembler struct {
	*compiler
	*tree.Encoder
	// layouts holds the layouts of targets, by contentKey.
	layouts map[string]*tree.Layout
	// variants holds the directories of applications, by content. Targets with the same content share them.
	variants map[string]*variant
	// infrastructure holds the objects of infrastructure/ by installation, without the release of Flagger, which
	// contains the cluster's name.
	infrastructure map[*rollout.Installation][]manifest.Rendered
	// shared holds the files that several applications may use, by content.
	shared map[string]*tree.Dir
	// source is the source that the clusters sync from, or nil if it is not rendered.
	source *manifest.Rendered
}

// render returns the tree of all placed applications.
func (c *compiler) render(e *tree.Encoder) *tree.Tree {
	a := &assembler{
		compiler: c, Encoder: e, layouts: map[string]*tree.Layout{}, variants: map[string]*variant{},
		infrastructure: map[*rollout.Installation][]manifest.Rendered{}, shared: map[string]*tree.Dir{},
	}
	if c.Settings.Artifact != nil {
		a.source = flux.NewClusterSource(&c.Settings, c.RenderConfig)
	}
	var clusters []*tree.Cluster
	switch {
	case !c.Settings.Hub:
		for _, t := range c.targets {
			clusters = append(clusters, a.renderTarget(t))
		}
	case len(c.targets) > 0:
		clusters = append(clusters, a.renderHub())
	}
	e.EncodeAll()
	made := tree.New(c.Input, clusters...)
	made.Waves, made.OwnArtifacts = c.waves, c.Settings.OwnArtifacts
	return made
}

// renderTarget returns the directory of one cluster, for its own Flux. Clusters with the same content share a
// layout, which is created for the first of them.
func (a *assembler) renderTarget(t *place.Target) *tree.Cluster {
	key, installation := contentKey(t.Platform, t.Apps...), a.installation(t)
	l, ok := a.layouts[key]
	if !ok {
		own := a.forTarget(t, tree.NewSyncFile(a.Encoder, &a.Settings, layout.SyncFile))
		own.addOwn()
		l = tree.NewLayout(own.root(a.versions(installation))...)
		a.layouts[key] = l
	}
	cluster := tree.NewCluster(t.Name, l)
	cluster.Labels = manifest.TextOf(t.Labels)
	if installation != nil && installation.Flagger != nil && ok {
		cluster.Infrastructure = a.NewDir(layout.Infrastructure, a.ownInfrastructure(installation, t)...)
	}
	return cluster
}

// versions returns the component versions for which the manifests of a cluster are rendered.
func (a *assembler) versions(in *rollout.Installation) map[string]string {
	versions := rollout.Versions(in)
	versions["flux"] = a.Settings.Flux
	return versions
}

// contentKey identifies the content of targets: the installed components and the policies.
func contentKey(platform *place.Platform, apps ...place.TargetApp) string {
	key := []byte(platform.Key())
	for _, a := range apps {
		for _, p := range a.Policies {
			key = binary.AppendUvarint(append(key, 0), p.Number)
		}
	}
	return string(key)
}

// ownInfrastructure returns the objects of infrastructure/ of one cluster that its own Flux applies.
func (a *assembler) ownInfrastructure(in *rollout.Installation, on *place.Target) []manifest.Rendered {
	shared, ok := a.infrastructure[in]
	if !ok {
		shared = append(slices.Clip(in.NamespaceObjects), in.Charts(on)...)
		a.infrastructure[in] = shared
	}
	return append(slices.Clip(shared), in.FlaggerRelease(on)...)
}

// alertProvider returns the object of an AlertProvider.
func alertProvider(p *place.AlertProvider) manifest.Rendered {
	return manifest.Rendered{Origin: manifest.Origin{Doc: p.Doc}, Object: &manifest.Object{
		APIVersion: manifest.FlaggerV1beta1, Kind: "AlertProvider",
		Metadata: manifest.Metadata{Name: p.Name, Namespace: p.Namespace, Labels: rollout.NotOfTools(manifest.TextOf(p.Metadata.Labels)), Annotations: rollout.NotOfTools(p.Metadata.Annotations)},
		Spec:     p.Spec,
	}}
}
