package render

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/schema"
)

// checkAlertProviders checks what the CRD says in a oneOf
// (artifacts/flagger/crd.yaml), and which AlertProviders nobody names.
func (c *compiler) checkAlertProviders() {
	used := map[*place.AlertProvider]bool{}
	for _, r := range c.rollouts {
		for _, p := range r.AlertProviders() {
			used[p] = true
		}
	}
	for _, p := range c.AlertProviders {
		// What fleetwright renders Flux does not substitute, unlike what stands beside a plain Canary.
		if why := schema.RefuseURL(p.Spec.Address, "http", "https"); used[p] && strings.Contains(p.Spec.Address, "${") && why != "" {
			c.Add(p.Doc.Diagnostic(diag.WrongFormat, schema.Path{"spec", "address"}, "Flux substitutes nothing in what is rendered, and the address is not the URL of a server: "+why, "secretRef: {name: …}, of a Secret with the key address"))
		}
	}
	for _, canary := range c.canaries {
		for _, a := range canary.Analysis.Alerts {
			p, _ := c.AlertProvider(cmp.Or(a.ProviderRef.Namespace, canary.ID.Namespace), a.ProviderRef.Name)
			used[p] = true
		}
	}
	// Those beside Canaries alone may be for others, which are elsewhere.
	shared := c.Rollouts() && len(c.Variants) == 0
	for _, p := range c.AlertProviders {
		if (p.Spec.Address == "") == (p.Spec.SecretRef == nil) {
			c.Add(p.Doc.Diagnostic(diag.BadAlertProvider, schema.Path{"spec"}, "an AlertProvider has either an address or a secretRef", "secretRef: {name: …}, of a Secret with the key address"))
		}
		if !used[p] && !shared && !c.MayMiss("Application") {
			c.Add(p.Doc.Diagnostic(diag.AlertProviderUnused, schema.Path{"metadata", "name"}, "no rollout names the AlertProvider, so it is not rendered", "rolloutPolicy: {alerts: [{name: …, providerRef: {name: "+p.Name+"}}]}"))
		}
	}
}

// checkMeshes reports the Meshes that go to no cluster.
func (c *compiler) checkMeshes() {
	for _, in := range c.installations {
		if in != nil && in.Providers[flagger.Kuma] != nil {
			return
		}
	}
	if c.MayMiss("Fleet") || c.Rollouts() && len(c.Variants) == 0 { // then it is somebody else's
		return
	}
	for _, m := range c.Meshes {
		c.Add(m.Doc.Diagnostic(diag.MeshUnused, schema.Path{"metadata", "name"}, "no cluster has Kuma, so the Mesh is not rendered", "plugin: {flagger: {trafficRoutingProvider: kuma}} in a Fleet's spec, or installed: {"+rollout.Example("kuma")+"} below flagger"))
	}
}

// checkCharts reports the charts of a RenderConfig for components that are installed already on clusters,
// and rendered on none.
func (c *compiler) checkCharts() {
	if c.RenderConfig == nil || c.MayMiss("Fleet") {
		return
	}
	rendered, there := map[string]bool{}, map[string]bool{}
	for _, in := range c.installations {
		if in == nil {
			continue
		}
		for _, name := range in.RenderedComponents() {
			rendered[name] = true
		}
		for _, name := range in.There {
			there[name] = true
		}
	}
	for _, r := range c.rollouts {
		rendered["loadtester"] = rendered["loadtester"] || r.TestLoader // whose image it is
	}
	for name := range there {
		if at := (schema.Path{"spec", "charts", name}); !rendered[name] && c.RenderConfig.Has(at...) {
			c.Add(c.RenderConfig.Diagnostic(diag.ChartUnused, at, fmt.Sprintf("no cluster renders %s: it is installed already on all that have it", name), "remove the chart"))
		}
	}
}
