package plan

import (
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render"
)

// TestRolloutsOfAWorkloadAreToldApart: by their policy, by the Application where policies have one name, and by their
// clusters where a policy goes otherwise on some.
func TestRolloutsOfAWorkloadAreToldApart(t *testing.T) {
	of := func(application, policy, namespace string, clusters ...string) render.Rollout {
		r := rollout(application, "web", weighted, clusters...)
		r.Policy, r.Namespace = policy, namespace
		return r
	}
	for what, c := range map[string]struct {
		rollouts []render.Rollout
		want     string
	}{
		"alone":                       {[]render.Rollout{of("default/a", "p", "web", "eu")}, "web/web"},
		"in two namespaces":           {[]render.Rollout{of("default/a", "p", "one", "eu"), of("default/a", "q", "two", "eu")}, "one/web, two/web"},
		"of two policies":             {[]render.Rollout{of("default/a", "p", "web", "eu"), of("default/a", "q", "web", "us")}, "web/web (p), web/web (q)"},
		"of two Applications":         {[]render.Rollout{of("default/a", "p", "web", "eu"), of("default/b", "p", "web", "us")}, "web/web (default/a/p), web/web (default/b/p)"},
		"on clusters that differ":     {[]render.Rollout{of("default/a", "p", "web", "eu", "us"), of("default/a", "p", "web", "asia")}, "web/web on eu, us, web/web on asia"},
		"of a policy and a Canary":    {[]render.Rollout{of("", "", "web"), of("default/a", "p", "web", "eu")}, "web/web (a plain Canary), web/web (p)"},
		"of two policies that differ": {[]render.Rollout{of("default/a", "p", "web", "eu"), of("default/a", "p", "web", "us"), of("default/a", "q", "web", "asia")}, "web/web (p) on eu, web/web (p) on us, web/web (q)"},
	} {
		names := namesOf(c.rollouts)
		var got []string
		ids := map[string]bool{}
		for i := range c.rollouts {
			r := &c.rollouts[i]
			got = append(got, names[r].Heading())
			ids[strings.Join(names[r].parts(r), "/")] = true
		}
		if all := strings.Join(got, ", "); all != c.want {
			t.Errorf("%s: %s, want %s", what, all, c.want)
		}
		if len(ids) != len(c.rollouts) {
			t.Errorf("%s: the ids are %v", what, ids)
		}
	}
}
