package render

import (
	"cmp"
	"strings"

	"github.com/fleetwright/fleetwright/render/layout"
)

// hostCluster is where an Application without a fleet goes. Kurator calls its
// own cluster so.
const hostCluster = "host"

// A Target is a cluster that gets a directory.
type Target struct {
	*cluster
	// installedBy is the fleet that has Flagger and its provider installed, or nil.
	installedBy *fleet
	apps        []targetApp
	// remote targets are applied to by a hub.
	remote bool
}

// A targetApp is the part of an application that goes to one target.
type targetApp struct {
	*application
	// policies are those of the application that go to the target.
	policies []*policy
}

// add gives the target a policy. The policies of an application come one after the
// other.
func (t *Target) add(p *policy) {
	if n := len(t.apps); n == 0 || t.apps[n-1].application != p.app {
		t.apps = append(t.apps, targetApp{application: p.app})
	}
	last := &t.apps[len(t.apps)-1]
	last.policies = append(last.policies, p)
}

// objectName returns the name of an object for the target: as Kurator has it on a hub,
// <name>-<kind>-<cluster>. Kurator cuts at 63 characters, where two may meet.
func (t *Target) objectName(name string) string {
	if !t.remote {
		return name
	}
	return objectNameOnHub(name, t.kind, t.name)
}

// objectNameOnHub is objectName for a cluster of a kind.
func objectNameOnHub(name, kind, cluster string) string {
	return layout.Shorten(kuratorName(name, kind, cluster), layout.MaxLabel)
}

// kuratorName returns what Kurator calls the object of a policy for a cluster
// (pkg/fleet-manager/application/helper.go), but for its length.
func kuratorName(policy, kind, cluster string) string {
	return strings.ToLower(policy + "-" + cmp.Or(kind, "currentCluster") + "-" + cluster)
}
