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

// checkValues reports values of a plain Canary that Flagger's CRD takes, and the reader after it does not.
func checkValues(r *Rollout) {
	if !r.Plain {
		return // whose fields have formats
	}
	s, a := &r.Service, &r.Analysis
	if p := s.PortName; p != "" && len(validation.IsDNS1123Label(p)) > 0 {
		// pkg/router/kubernetes_default.go, reconcileService
		r.Report(diag.WrongFormat, schema.Path{"service", "portName"}, fmt.Sprintf("the API server rejects %q as a port name of a Service, so Flagger never makes the Services", p), "portName: http, or another name of lower-case letters, digits and '-'")
	}
	name := serviceName
	if !r.Has(name...) {
		name = targetName
	}
	services := &source.Object{APIVersion: "v1", Kind: "Service"}
	if why := services.RefuseName(s.Name); s.Name != "" && why != "" && len(s.Name) <= layout.MaxLabel && !r.TargetRef.IsKnative() {
		r.Report(diag.BadName, name, fmt.Sprintf("the API server rejects Services called %s: %s", s.Name, why), "service: {name: "+nameOf(s.Name)+"}")
	}
	checkTimeouts(r)
	if _, err := time.ParseDuration(a.Interval); a.Interval != "" && err != nil {
		r.Report(diag.WrongFormat, inAnalysis("interval"), fmt.Sprintf("Flagger cannot read the interval %s, and checks every %s", a.Interval, diag.Duration(a.Every())), "interval: 1m")
	}
	if a.MirrorWeight > 100 && r.Provider == flagger.Istio && r.Mirrors() {
		// pkg/router/istio.go, SetRoutes; istio/istio pkg/config/validation, validatePercentage
		r.Report(diag.OutOfBounds, inAnalysis("mirrorWeight"), fmt.Sprintf("Istio mirrors at most 100%% of the requests and rejects %d", a.MirrorWeight), "mirrorWeight: 100")
	}
	pods := int64(1)
	if _, w := r.workload(); w != nil && w.Spec.Replicas != nil {
		pods = int64(*w.Spec.Replicas)
	}
	for field, threshold := range map[string]*int32{"canaryReadyThreshold": a.CanaryReadyThreshold, "primaryReadyThreshold": a.PrimaryReadyThreshold} {
		if threshold != nil && pods*int64(*threshold)/100 > pods { // pkg/canary/deployment_ready.go, isDeploymentReady
			r.Report(diag.OutOfBounds, inAnalysis(field), fmt.Sprintf("Flagger waits for %d%% of the pods to be ready, which they never are", *threshold), field+": 100")
		}
	}
}

// nameOf returns a name that a Service may have, of one that it may not.
func nameOf(name string) string {
	name = strings.NewReplacer(".", "-", "_", "-").Replace(strings.ToLower(name))
	if len(validation.IsDNS1035Label(name)) > 0 {
		return "web"
	}
	return name
}

// timeoutReaders are what becomes of a duration without a unit on the providers that pass one on (pkg/router:
// istio.go and contour.go, Reconcile; appmesh_v1beta2.go, getTimeout; appmesh.go and appmesh_v1beta2.go,
// makeRetryPolicy).
var timeoutReaders = map[string]string{
	flagger.Istio:          "the API server rejects the VirtualService",
	flagger.Contour:        "the API server rejects the HTTPProxy",
	flagger.AppMesh:        "Flagger takes its default instead",
	flagger.AppMeshV1Beta2: "Flagger takes its default instead",
}

// checkTimeouts reports timeouts that are no durations.
func checkTimeouts(r *Rollout) {
	effect, reads := timeoutReaders[r.Provider]
	check := func(at schema.Path, text string) {
		_, err := time.ParseDuration(text)
		forever := r.Provider == Contour && slices.Contains([]string{"infinity", "infinite"}, text)
		if text == "" || err == nil || forever || !reads {
			return
		}
		r.Report(diag.WrongFormat, at, fmt.Sprintf("%q is not a duration: %s", text, effect), at[len(at)-1].(string)+": 15s")
	}
	if r.Provider != flagger.AppMesh { // which writes it into an annotation as it is
		check(schema.Path{"service", "timeout"}, r.Service.Timeout)
	}
	if retries := r.Service.Retries; retries != nil {
		check(schema.Path{"service", "retries", "perTryTimeout"}, string(retries.PerTryTimeout))
	}
}
