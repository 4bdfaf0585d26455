package place

import (
	"cmp"
	"strings"

	"github.com/fleetwright/fleetwright/render/layout"
)

// HostCluster is the cluster of Applications without a fleet, named as Kurator names its own.
const HostCluster = "host"

// A Target is a cluster that gets a directory.
type Target struct {
	*Cluster
	// Platform is the platform of the cluster, or nil.
	Platform *Platform
	Apps     []TargetApp
	// Remote reports whether a hub applies the target's objects.
	Remote bool
}

// A TargetApp is the part of an application that goes to one target.
type TargetApp struct {
	*Application
	// Policies holds the policies of the application for the target.
	Policies []*Policy
}

// add adds a policy to the target. The policies of an application must be added in sequence.
func (t *Target) add(p *Policy) {
	if n := len(t.Apps); n == 0 || t.Apps[n-1].Application != p.App {
		t.Apps = append(t.Apps, TargetApp{Application: p.App})
	}
	last := &t.Apps[len(t.Apps)-1]
	last.Policies = append(last.Policies, p)
}

// ObjectName returns the name of an object for the target. On a hub, that is Kurator's, <name>-<kind>-<cluster>.
// Kurator truncates it at 63 characters, where two names may become equal.
func (t *Target) ObjectName(name string) string {
	if !t.Remote {
		return name
	}
	return ObjectNameOnHub(name, t.kind, t.Name)
}

// ObjectNameOnHub returns the name of an object on a hub for a cluster of a kind.
func ObjectNameOnHub(name, kind, cluster string) string {
	return layout.Shorten(kuratorName(name, kind, cluster), layout.MaxLabel)
}

// kuratorName returns Kurator's name, at any length (pkg/fleet-manager/application/helper.go).
func kuratorName(policy, kind, cluster string) string {
	return strings.ToLower(policy + "-" + cmp.Or(kind, "currentCluster") + "-" + cluster)
}
