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
	// Platform is what the cluster has for its rollouts, or nil.
	Platform *Platform
	Apps     []TargetApp
	// Remote targets are applied to by a hub.
	Remote bool
}

// A TargetApp is the part of an application that goes to one target.
type TargetApp struct {
	*Application
	// Policies are those of the application that go to the target.
	Policies []*Policy
}

// add gives the target a policy. The policies of an application come one after the other.
func (t *Target) add(p *Policy) {
	if n := len(t.Apps); n == 0 || t.Apps[n-1].Application != p.App {
		t.Apps = append(t.Apps, TargetApp{Application: p.App})
	}
	last := &t.Apps[len(t.Apps)-1]
	last.Policies = append(last.Policies, p)
}

// ObjectName returns the name of an object for the target: as Kurator has it on a hub,
// <name>-<kind>-<cluster>. Kurator cuts at 63 characters, where two may meet.
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

// kuratorName is Kurator's (pkg/fleet-manager/application/helper.go), but for its length.
func kuratorName(policy, kind, cluster string) string {
	return strings.ToLower(policy + "-" + cmp.Or(kind, "currentCluster") + "-" + cluster)
}
