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

// checkAlertProviders reports AlertProviders that violate the oneOf of the CRD (artifacts/flagger/crd.yaml), and
// those that no rollout uses.
func (c *compiler) checkAlertProviders() {
	used := map[*place.AlertProvider]bool{}
	for _, r := range c.rollouts {
		for _, p := range r.AlertProviders() {
			used[p] = true
		}
	}
	for _, p := range c.AlertProviders {
		// Flux substitutes nothing in rendered objects, only in those next to a plain Canary.
		if why := schema.RefuseURL(p.Spec.Address, "http", "https"); used[p] && strings.Contains(p.Spec.Address, "${") && why != "" {
			c.Add(p.Doc.Diagnostic(diag.WrongFormat, schema.Path{"spec", "address"}, "address is not the URL of a server, and Flux substitutes no variables in rendered objects: "+why, "secretRef: {name: …}, a Secret with the key address"))
		}
	}
	for _, canary := range c.canaries {
		for _, a := range canary.Analysis.Alerts {
			p, _ := c.AlertProvider(cmp.Or(a.ProviderRef.Namespace, canary.ID.Namespace), a.ProviderRef.Name)
			used[p] = true
		}
	}
	// If the input has only plain Canaries, AlertProviders may be for Canaries elsewhere.
	shared := c.Rollouts() && len(c.Variants) == 0
	for _, p := range c.AlertProviders {
		if (p.Spec.Address == "") == (p.Spec.SecretRef == nil) {
			c.Add(p.Doc.Diagnostic(diag.BadAlertProvider, schema.Path{"spec"}, "an AlertProvider needs exactly one of address and secretRef", "secretRef: {name: …}, a Secret with the key address"))
		}
		if !used[p] && !shared && !c.MayMiss("Application") {
			c.Add(p.Doc.Diagnostic(diag.AlertProviderUnused, schema.Path{"metadata", "name"}, "no rollout uses the AlertProvider, so it is not rendered", "rolloutPolicy: {alerts: [{name: …, providerRef: {name: "+p.Name+"}}]}"))
		}
	}
}

// checkMeshes reports Meshes that are rendered for no cluster.
func (c *compiler) checkMeshes() {
	for _, in := range c.installations {
		if in != nil && in.Providers[flagger.Kuma] != nil {
			return
		}
	}
	if c.MayMiss("Fleet") || c.Rollouts() && len(c.Variants) == 0 { // other inputs may use it
		return
	}
	for _, m := range c.Meshes {
		c.Add(m.Doc.Diagnostic(diag.MeshUnused, schema.Path{"metadata", "name"}, "no cluster has Kuma, so the Mesh is not rendered", "plugin: {flagger: {trafficRoutingProvider: kuma}} in a Fleet's spec, or installed: {"+rollout.Example("kuma")+"} in plugin.flagger"))
	}
}

// checkCharts reports charts of a RenderConfig for components that some clusters have installed and that none
// renders.
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
		rendered["loadtester"] = rendered["loadtester"] || r.TestLoader // its image is the chart's
	}
	for name := range there {
		if at := (schema.Path{"spec", "charts", name}); !rendered[name] && c.RenderConfig.Has(at...) {
			c.Add(c.RenderConfig.Diagnostic(diag.ChartUnused, at, fmt.Sprintf("the chart of %s is never rendered: every cluster that needs it has it installed already", name), "remove the chart"))
		}
	}
}
