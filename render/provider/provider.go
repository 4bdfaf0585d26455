package provider

import (
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/settings"
)

// newProvider is the provider of a fleet. The schema has refused all others.
func newProvider(c *rollout.Compilation, name string, f *place.Fleet) rollout.Provider {
	switch name {
	case flagger.Kuma:
		return newKuma(c, f)
	case flagger.Istio:
		return newIstio(c, f)
	case flagger.Nginx:
		return newNginx(c, f)
	}
	return nil
}

// providerChart is the chart of a provider, as the settings and the fleet say it.
func providerChart(c *rollout.Compilation, name string, f *place.Fleet) settings.Chart {
	chart := c.Settings.Charts[name]
	if config := f.Spec.Plugin.Flagger.Config; config != nil {
		chart = chart.With(config.Chart, config.ExtraArgs)
	}
	return chart
}

// flaggerChart is Flagger's with a provider, as the settings and the fleet say it.
func flaggerChart(c *rollout.Compilation, p rollout.Provider, f *place.Fleet) settings.Chart {
	chart := c.Settings.Charts["flagger"]
	chart.Values = settings.MergeValues(p.FlaggerValues(), chart.Values)
	return chart.With(f.Spec.Plugin.Flagger.Chart, f.Spec.Plugin.Flagger.ExtraArgs)
}

// neverMeshed says why the pods of a namespace get no sidecars, if they do not.
func neverMeshed(c *rollout.Compilation, namespace, provider string) string {
	switch namespace {
	case provider, "kube-system":
		return "is not one that fleetwright has sidecars put into"
	case c.Settings.Source.Namespace:
		return "is that of Flux, which is not in the mesh"
	}
	return ""
}
