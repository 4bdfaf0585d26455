package place

import (
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/fleetwright/fleetwright/schema/api"
)

// operators maps the names in matchExpressions to Kubernetes' own operators (k8s.io/apimachinery
// pkg/apis/meta/v1, LabelSelectorAsSelector).
var operators = map[string]selection.Operator{
	"In": selection.In, "NotIn": selection.NotIn, "Exists": selection.Exists, "DoesNotExist": selection.DoesNotExist,
}

// newSelector returns the selector of a destination's clusters, or one for all clusters if s is nil. Conditions
// that the schema has rejected match every cluster.
func newSelector(s *api.ClusterSelector) labels.Selector {
	selector := labels.NewSelector()
	if s == nil {
		return selector
	}
	var all []labels.Requirement
	add := func(key string, operator selection.Operator, values ...string) {
		if r, err := labels.NewRequirement(key, operator, values); err == nil {
			all = append(all, *r)
		}
	}
	for key, value := range s.MatchLabels {
		add(key, selection.Equals, string(value))
	}
	for _, e := range s.MatchExpressions {
		var values []string
		for _, v := range e.Values {
			values = append(values, string(v))
		}
		add(e.Key, operators[e.Operator], values...)
	}
	return selector.Add(all...)
}

// Unmatched returns the key of the first condition of a selector that a cluster does not match, or "".
func Unmatched(s *api.ClusterSelector, cl *Cluster) string {
	requirements, _ := newSelector(s).Requirements()
	for _, r := range requirements {
		if !r.Matches(clusterLabels(cl.Labels)) {
			return r.Key()
		}
	}
	return ""
}

// clusterLabels holds the labels of a cluster as labels.Labels.
type clusterLabels map[string]api.LabelValue

func (l clusterLabels) Has(key string) bool {
	_, ok := l[key]
	return ok
}

func (l clusterLabels) Get(key string) string { return string(l[key]) }

func (l clusterLabels) Lookup(key string) (string, bool) {
	value, ok := l[key]
	return string(value), ok
}
