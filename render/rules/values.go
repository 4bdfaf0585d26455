package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
)

// checkValues reports values of a plain Canary that Flagger's CRD accepts and a later reader rejects.
func checkValues(r *Rollout) {
	if !r.Plain {
		return // an Application's fields have formats
	}
	s, a := &r.Service, &r.Analysis
	if p := s.PortName; p != "" && len(validation.IsDNS1123Label(p)) > 0 {
		// pkg/router/kubernetes_default.go, reconcileService
		r.Report(diag.WrongFormat, schema.Path{"service", "portName"}, fmt.Sprintf("the API server rejects %q as a port name of a Service, so Flagger never creates the Services", p), "portName: http, or another name of lower-case letters, digits and '-'")
	}
	name := serviceName
	if !r.Has(name...) {
		name = targetName
	}
	services := &source.Object{APIVersion: "v1", Kind: "Service"}
	if why := services.RefuseName(s.Name); s.Name != "" && why != "" && len(s.Name) <= layout.MaxLabel && !r.TargetRef.IsKnative() {
		r.Report(diag.BadName, name, fmt.Sprintf("the API server rejects Services named %s: %s", s.Name, why), "service: {name: "+nameOf(s.Name)+"}")
	}
	checkTimeouts(r)
	if _, err := time.ParseDuration(a.Interval); a.Interval != "" && err != nil {
		r.Report(diag.WrongFormat, inAnalysis("interval"), fmt.Sprintf("Flagger cannot parse the interval %s, and checks every %s instead", a.Interval, diag.Duration(a.Every())), "interval: 1m")
	}
	if a.MirrorWeight > 100 && r.Provider == flagger.Istio && r.Mirrors() {
		// pkg/router/istio.go, SetRoutes; istio/istio pkg/config/validation, validatePercentage
		r.Report(diag.OutOfBounds, inAnalysis("mirrorWeight"), fmt.Sprintf("Istio rejects a mirrorWeight of %d: it mirrors at most 100%% of the requests", a.MirrorWeight), "mirrorWeight: 100")
	}
	pods := int64(1)
	if _, w := r.workload(); w != nil && w.Spec.Replicas != nil {
		pods = int64(*w.Spec.Replicas)
	}
	for field, threshold := range map[string]*int32{"canaryReadyThreshold": a.CanaryReadyThreshold, "primaryReadyThreshold": a.PrimaryReadyThreshold} {
		if threshold != nil && pods*int64(*threshold)/100 > pods { // pkg/canary/deployment_ready.go, isDeploymentReady
			r.Report(diag.OutOfBounds, inAnalysis(field), fmt.Sprintf("Flagger waits until %d%% of the pods are ready, which never happens", *threshold), field+": 100")
		}
	}
}

// nameOf returns a valid name of a Service for an invalid one.
func nameOf(name string) string {
	name = strings.NewReplacer(".", "-", "_", "-").Replace(strings.ToLower(name))
	if len(validation.IsDNS1035Label(name)) > 0 {
		return "web"
	}
	return name
}

// timeoutReaders are the effects of a duration without a unit, by provider that passes it on (pkg/router:
// istio.go and contour.go, Reconcile; appmesh_v1beta2.go, getTimeout; appmesh.go and appmesh_v1beta2.go,
// makeRetryPolicy).
var timeoutReaders = map[string]string{
	flagger.Istio:          "the API server rejects the VirtualService",
	flagger.Contour:        "the API server rejects the HTTPProxy",
	flagger.AppMesh:        "Flagger uses its default",
	flagger.AppMeshV1Beta2: "Flagger uses its default",
}

// checkTimeouts reports timeouts that are not durations.
func checkTimeouts(r *Rollout) {
	effect, reads := timeoutReaders[r.Provider]
	check := func(at schema.Path, text string) {
		_, err := time.ParseDuration(text)
		forever := r.Provider == Contour && slices.Contains([]string{"infinity", "infinite"}, text)
		if text == "" || err == nil || forever || !reads {
			return
		}
		r.Report(diag.WrongFormat, at, fmt.Sprintf("%q is not a duration, so %s", text, effect), at[len(at)-1].(string)+": 15s")
	}
	if r.Provider != flagger.AppMesh { // it copies the text into an annotation
		check(schema.Path{"service", "timeout"}, r.Service.Timeout)
	}
	if retries := r.Service.Retries; retries != nil {
		check(schema.Path{"service", "retries", "perTryTimeout"}, string(retries.PerTryTimeout))
	}
}
