package flagger_test

import (
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema/api"
)

// TestMisroutes checks that each field that Flagger's router for Gateway API handles wrongly is reported, for
// exactly the affected versions, and that no other field is.
func TestMisroutes(t *testing.T) {
	type headers = map[string]api.StringMatch
	is := api.StringMatch{Exact: "a"}
	for _, tt := range []struct {
		name   string
		change func(c *flagger.Canary)
		minor  int
		want   string
	}{
		{"nothing", func(*flagger.Canary) {}, 36, ""},
		{"conditions", func(c *flagger.Canary) { c.Analysis.Match = []flagger.Match{{Headers: headers{"x": is}}} }, 43, ""},
		{"conditions without a timeout", func(c *flagger.Canary) { c.Analysis.Match = []flagger.Match{{Headers: headers{"x": is}}} }, 42, "analysis.match"},
		{"conditions with a timeout", func(c *flagger.Canary) {
			c.Analysis.Match, c.Service.Timeout = []flagger.Match{{Headers: headers{"x": is}}}, "15s"
		}, 42, ""},
		{"a mirror beside weights", func(c *flagger.Canary) { c.Analysis.Mirror = true }, 44, "analysis.mirror"},
		{"a mirror", func(c *flagger.Canary) { c.Analysis.Mirror, c.Analysis.Iterations = true, 3 }, 44, ""},
		{"a path", func(c *flagger.Canary) {
			c.Service.Match = []flagger.Match{{URI: api.StringMatch{Prefix: "/a"}, Headers: headers{"x": is}}}
		}, 44, ""},
		{"no path", func(c *flagger.Canary) { c.Service.Match = []flagger.Match{{}, {Method: is}} }, 44, "service.match[1]"},
		{"CORS", func(c *flagger.Canary) { c.Service.CorsPolicy = &api.CorsPolicy{MaxAge: "24h"} }, 44, ""},
		{"CORS without an age", func(c *flagger.Canary) { c.Service.CorsPolicy = &api.CorsPolicy{} }, 42, "service.corsPolicy"},
		{"CORS of an age that is no duration of Go", func(c *flagger.Canary) { c.Service.CorsPolicy = &api.CorsPolicy{MaxAge: "1d"} }, 44, "service.corsPolicy"},
		{"CORS that is not read", func(c *flagger.Canary) { c.Service.CorsPolicy = &api.CorsPolicy{} }, 41, ""},
		{"the beginning of a header", func(c *flagger.Canary) { c.Analysis.Match = []flagger.Match{{Headers: headers{"x": {Prefix: "a"}}}} }, 44, "analysis.match[0]"},
		{"labels alone", func(c *flagger.Canary) {
			c.Analysis.Match = []flagger.Match{{Headers: headers{"x": is}}, {SourceLabels: map[string]api.LabelValue{"a": "b"}}}
		}, 44, "analysis.match[1]"},
		{"two headers", func(c *flagger.Canary) { c.Analysis.Match = []flagger.Match{{Headers: headers{"x": is, "y": is}}} }, 44, "analysis.match[0]"},
		{"two query parameters", func(c *flagger.Canary) {
			c.Service.Match = []flagger.Match{{URI: is, QueryParams: headers{"x": is, "y": is}}}
		}, 44, "service.match[0]"},
		{"two headers that are set", func(c *flagger.Canary) {
			c.Service.Headers = &api.Headers{Request: &api.HeaderOperations{Set: map[string]string{"a": "b", "c": "d"}}}
		}, 38, "service.headers"},
		{"two headers in order", func(c *flagger.Canary) {
			c.Service.Headers = &api.Headers{Request: &api.HeaderOperations{Set: map[string]string{"a": "b", "c": "d"}}}
		}, 39, ""},
		{"a cookie and headers", func(c *flagger.Canary) {
			c.Analysis.SessionAffinity, c.Service.Headers = &flagger.SessionAffinity{}, &api.Headers{Response: &api.HeaderOperations{}}
		}, 44, "service.headers.response"},
		{"a cookie and conditions", func(c *flagger.Canary) {
			c.Analysis.SessionAffinity, c.Analysis.Match = &flagger.SessionAffinity{}, []flagger.Match{{Headers: headers{"x": is}}}
		}, 44, "analysis.sessionAffinity"},
	} {
		c := flagger.Canary{Provider: flagger.GatewayAPI}
		tt.change(&c)
		var got []string
		for _, p := range c.Misroutes(flagger.Version{Minor: tt.minor}) {
			got = append(got, p.Field.String())
		}
		if text := strings.Join(got, " "); text != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, text, tt.want)
		}
		for _, other := range []string{flagger.Istio, flagger.Kubernetes, flagger.Kuma, flagger.Nginx, flagger.Traefik} {
			if c.Provider = other; len(c.Misroutes(flagger.Version{Minor: tt.minor})) > 0 {
				t.Errorf("%s: reported for %s", tt.name, other)
			}
		}
	}
}
