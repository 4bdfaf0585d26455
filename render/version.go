package render

import (
	"fmt"
	"regexp"
	"strconv"
	"sync"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A minorVersion is a version of upstream up to what its manifests depend on.
type minorVersion struct{ major, minor int }

// String is major.minor.
func (v minorVersion) String() string { return strconv.Itoa(v.major) + "." + strconv.Itoa(v.minor) }

func (v minorVersion) less(w minorVersion) bool {
	return v.major < w.major || v.major == w.major && v.minor < w.minor
}

// flaggerFields came with a version of Flagger (fluxcd/flagger CHANGELOG.md). An API
// server refuses what a CRD does not have.
var flaggerFields = []struct {
	since minorVersion
	name  string
	// uses says where a rollout uses the field.
	uses func(*api.RolloutPolicy) []schema.Path
}{
	{minorVersion{1, 39}, "disableTLS", func(p *api.RolloutPolicy) (at []schema.Path) {
		for i, w := range p.Webhooks {
			if w.DisableTLS {
				at = append(at, schema.Path{"rolloutPolicy", "webhooks", i, "disableTLS"})
			}
		}
		return at
	}},
	{minorVersion{1, 38}, "provider keptn", inProviders("type", isType("keptn"))},
	{minorVersion{1, 40}, "provider splunk", inProviders("type", isType("splunk"))},
	{minorVersion{1, 41}, "headers of a metric's provider", inProviders("headers", func(p api.MetricProvider) bool { return len(p.Headers) > 0 })},
}

// inProviders says which metrics use a field of their provider.
func inProviders(field string, uses func(api.MetricProvider) bool) func(*api.RolloutPolicy) []schema.Path {
	return func(p *api.RolloutPolicy) (at []schema.Path) {
		if p.TrafficAnalysis == nil {
			return nil
		}
		for i, m := range p.TrafficAnalysis.Metrics {
			if m.CustomMetric != nil && uses(m.CustomMetric.Provider) {
				at = append(at, inMetrics(i, "customMetric", "provider", field))
			}
		}
		return at
	}
}

func isType(name string) func(api.MetricProvider) bool {
	return func(p api.MetricProvider) bool { return p.Type == name }
}

// oldestFlagger has all that is rendered but for flaggerFields.
var oldestFlagger = minorVersion{1, 36}

// checkFlaggerVersion says which fields the fleet's Flagger does not have. Of a
// range of versions nobody can say it.
func (r *rollout) checkFlaggerVersion() {
	version := r.stack.flagger.chart.Version
	v, ok := parseMinor(version)
	if !ok {
		return
	}
	for _, f := range flaggerFields {
		if !v.less(f.since) {
			continue
		}
		for _, at := range f.uses(&r.RolloutPolicy) {
			r.report(diag.FieldTooNew, at,
				fmt.Sprintf("Flagger %s has no %s, which came with %s", version, f.name, f.since), fmt.Sprintf("chart: {version: %s.0} of the fleet's Flagger or newer, or remove the field", f.since))
		}
	}
}

// versionPattern is one version (semver.org, with a leading v), or a range of
// Helm's that holds versions of one minor version only: 2.7.x, 2.7, 2.7.*, ~2.7.3
// and ~2.7.
const versionPattern = `^(~?)v?(\d+)\.(\d+)(?:\.(?:(\d+)(?:-[0-9A-Za-z.-]*[0-9A-Za-z])?(?:\+[0-9A-Za-z.-]+)?|[xX*]))?$`

var versionRegexp = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(versionPattern) })

// parseMinor reads a version, or a range of one minor version.
func parseMinor(version string) (v minorVersion, ok bool) {
	m := versionRegexp().FindStringSubmatch(version)
	if m == nil {
		return v, false
	}
	major, err := strconv.ParseUint(m[2], 10, 31)
	if err != nil {
		return v, false
	}
	minor, err := strconv.ParseUint(m[3], 10, 31)
	return minorVersion{int(major), int(minor)}, err == nil
}

// isExact says whether a version is one and not a range of them.
func isExact(version string) bool {
	m := versionRegexp().FindStringSubmatch(version)
	return m != nil && m[1] == "" && m[4] != ""
}
