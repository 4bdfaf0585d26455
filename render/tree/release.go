package tree

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/place"
)

// ComponentDirs holds the directories of rendered components.
var ComponentDirs = []string{layout.GatewayAPIDir, layout.Infrastructure, layout.ReleasesDir, layout.MeshesDir, layout.MeshDir, layout.LoadTesterDir}

// IsOfComponent reports, by its name, whether a file of a cluster's directory belongs to a component.
func IsOfComponent(file string) bool {
	if _, below, ok := layout.Spoke(file); ok {
		file = below
	}
	return slices.Contains(ComponentDirs, path.Dir(file))
}

// IsRelease reports, by its name, whether a file of a cluster's directory is the release of a component.
func IsRelease(file string) bool {
	return IsOfComponent(file) && strings.HasPrefix(path.Base(file), "helmrelease-")
}

// releaseIn returns the name of the release of a file, even if it was edited. On a hub, the kind and the name of
// the cluster follow it.
func releaseIn(file, cluster string) string {
	name := strings.TrimSuffix(strings.TrimPrefix(path.Base(file), "helmrelease-"), ".yaml")
	for _, kind := range []string{"attachedcluster", "cluster"} {
		name = strings.TrimSuffix(name, "-"+kind+"-"+cluster)
	}
	return name
}

// identityOf returns the namespace and the name of an object.
func identityOf(object map[string]any) string {
	return TextAt(object, "metadata", "namespace") + "/" + TextAt(object, "metadata", "name")
}

// IsKeptFile reports whether Flux leaves the object of a file that it no longer applies.
func IsKeptFile(data []byte) bool {
	var object map[string]any
	return yaml.Unmarshal(data, &object) == nil && IsKept(object)
}

// lostComponents returns the components that changes remove from clusters although the input lists them as
// installed there: releases that are no longer rendered, so that Flux would uninstall them.
func (t *Tree) lostComponents(changes []Change) (losses []Loss) {
	type key struct {
		plugin    *place.Plugin
		component string
	}
	numbers := map[key]int{}
	// still holds the releases that are rendered in another file.
	still := map[string]bool{}
	for _, c := range changes {
		if object, ok := readPolicy(c.New); ok && IsRelease(c.Path) {
			still[c.Cluster+" "+identityOf(object)] = true
		}
	}
	for _, c := range changes {
		if c.Old == nil || c.New != nil || !IsRelease(c.Path) {
			continue
		}
		cluster := c.Cluster
		if spoke, _, ok := layout.Spoke(c.Path); ok {
			cluster = spoke
		}
		release := releaseIn(c.Path, cluster)
		if object, ok := readPolicy(c.Old); ok {
			if IsKept(object) || still[c.Cluster+" "+identityOf(object)] {
				continue
			}
			release = cmp.Or(TextAt(object, "spec", "releaseName"), release)
		}
		component := place.ComponentOf(release)
		plugin := t.input.InstalledOn(cluster, component)
		if plugin == nil {
			continue
		}
		k := key{plugin, component}
		i, known := numbers[k]
		if !known {
			i = len(losses)
			numbers[k] = i
			at := plugin.At("installed", component)
			losses = append(losses, Loss{
				Component: component, Release: release, Position: plugin.Doc.Position(at...), Path: at.String(),
				Reason: fmt.Sprintf("%s is under installed, so its release is no longer rendered; to keep it, first commit handOver: true there, with the former chart and values", component),
			})
		}
		losses[i].Clusters = append(losses[i].Clusters, cluster)
	}
	slices.SortStableFunc(losses, func(a, b Loss) int { return a.Position.Compare(b.Position) })
	for i := range losses {
		slices.Sort(losses[i].Clusters)
		losses[i].Clusters = slices.Compact(losses[i].Clusters)
	}
	return losses
}
