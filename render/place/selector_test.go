package place

import (
	"fmt"
	"math/rand/v2"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fleetwright/fleetwright/schema/api"
)

// TestSelectorsMatchLikeKubernetes generates selectors and clusters, and compares the selection with that of
// Kubernetes.
func TestSelectorsMatchLikeKubernetes(t *testing.T) {
	random := rand.New(rand.NewPCG(22, 1))
	keys, values := []string{"region", "tier", "example.com/zone"}, []string{"", "eu", "us", "a-1"}
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	selected := map[bool]int{}
	for range 5000 {
		own, theirs := &api.ClusterSelector{MatchLabels: map[string]api.LabelValue{}}, &metav1.LabelSelector{MatchLabels: map[string]string{}}
		for range random.IntN(2) {
			key, value := pick(keys), pick(values)
			own.MatchLabels[key], theirs.MatchLabels[key] = api.LabelValue(value), value
		}
		for range random.IntN(3) {
			operator := pick([]string{"In", "NotIn", "Exists", "DoesNotExist"})
			e, r := api.LabelExpression{Key: pick(keys), Operator: operator}, metav1.LabelSelectorRequirement{Operator: metav1.LabelSelectorOperator(operator)}
			r.Key = e.Key
			for range 1 + random.IntN(2) {
				if value := pick(values); operator == "In" || operator == "NotIn" {
					e.Values, r.Values = append(e.Values, api.LabelValue(value)), append(r.Values, value)
				}
			}
			own.MatchExpressions, theirs.MatchExpressions = append(own.MatchExpressions, e), append(theirs.MatchExpressions, r)
		}
		want, err := metav1.LabelSelectorAsSelector(theirs)
		if err != nil {
			t.Fatal(err)
		}
		cl, set := &Cluster{Labels: map[string]api.LabelValue{}}, labels.Set{}
		for range random.IntN(4) {
			key, value := pick(keys), pick(values)
			cl.Labels[key], set[key] = api.LabelValue(value), value
		}
		matches := newSelector(own).Matches(clusterLabels(cl.Labels))
		selected[matches]++
		if matches != want.Matches(set) {
			t.Errorf("%+v selects %v: %v, in Kubernetes %v", *own, set, matches, want.Matches(set))
		}
		if key := Unmatched(own, cl); (key == "") != matches {
			t.Errorf("%+v: of %v it does not match %q, and selects it: %v", *own, set, key, matches)
		}
	}
	if selected[true] < 1000 || selected[false] < 1000 {
		t.Error(fmt.Sprint("the draws are one-sided: ", selected))
	}
	if !newSelector(nil).Matches(clusterLabels{}) {
		t.Error("no selector does not select all")
	}
}
