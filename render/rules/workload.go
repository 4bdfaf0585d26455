package rules

import (
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// checkService reports ports and names of the Service that do not work.
func checkService(r *Rollout) {
	s := &r.Service
	if s.Port < 1024 && s.TargetPort == nil && !r.Plain && !r.declares() {
		r.Report(diag.GuessedTargetPort, schema.Path{"service", "port"},
			fmt.Sprintf("without targetPort, requests go to container port %d, where few containers listen", s.Port), "targetPort: 8080, or the name of the container's port")
	}
	if p := s.TargetPort; p != nil && p.StrVal != "" && len(validation.IsValidPortName(p.StrVal)) > 0 {
		hint := "targetPort: http, or the name of the container's port"
		if _, err := strconv.Atoi(p.StrVal); err == nil {
			hint = "targetPort: " + p.StrVal + ", without quotes"
		}
		r.Report(diag.WrongFormat, schema.Path{"service", "targetPort"}, fmt.Sprintf("%q is not a port name: it needs a letter, and no two hyphens in a row", p.StrVal), hint)
	}
	if s.Name == "kubernetes" && r.ID.Namespace == "default" {
		r.Report(diag.BadName, schema.Path{"service", "name"}, "the Service kubernetes in namespace default is the API server's own; Flagger would overwrite it", "give the workload's Service another name")
	}
}

// checkInjected reports a namespace whose pods get no sidecars although they need them.
func checkInjected(r *Rollout) {
	if why := r.On.NeverInjected(r.ID.Namespace); why != "" {
		r.ReportAt(diag.NeverInjected, r.ID, schema.Path{"metadata", "namespace"}, fmt.Sprintf("namespace %s %s, so no traffic shifts", r.ID.Namespace, why), "move the workload to another namespace")
	}
}

// checkNames reports names that are too long for the names derived from them.
func checkNames(r *Rollout) {
	workload := schema.Path{"targetRef", "name"}
	checkName(r, schema.Path{"service", "name"}, "Service", r.Service.Name, PrimarySuffix)
	if !r.Plain { // a plain Canary's workload is judged by its label
		checkName(r, workload, r.TargetRef.Kind, r.TargetRef.Name, PrimarySuffix)
	}
	if !r.Tester.Exists {
		return
	}
	checkName(r, workload, "load tester", r.TargetRef.Name, flagger.LoadTesterSuffix)
	if name := r.Tester.ID.Name; len(name) <= layout.MaxLabel && len(validation.IsDNS1035Label(name)) > 0 {
		r.Report(diag.BadName, workload,
			fmt.Sprintf("Kubernetes rejects %s as the name of the load tester's Service: it must start with a letter and have only lower-case letters, digits and '-'", name),
			"rename the workload, or use the fleet's public load tester")
	}
}

// checkName reports a name that is too long for a label with its suffix.
func checkName(r *Rollout, field schema.Path, what, name, suffix string) {
	if len(name+suffix) > layout.MaxLabel {
		r.Report(diag.NameTooLong, field, fmt.Sprintf("the %s %s%s would have a name of %d characters; Kubernetes allows %d", what, name, suffix, len(name+suffix), layout.MaxLabel),
			fmt.Sprintf("use a name of at most %d characters", layout.MaxLabel-len(suffix)))
	}
}

// ScaledObject is KEDA's kind of an autoscaler.
const ScaledObject = "ScaledObject"

// checkAutoscaler reports an autoscaler that Flagger or Kubernetes rejects.
func checkAutoscaler(r *Rollout) {
	a := r.AutoscalerRef
	if a == nil {
		return
	}
	at := schema.Path{"autoscalerRef"}
	if name := a.Name + PrimarySuffix; len(name) > validation.DNS1123SubdomainMaxLength {
		r.Report(diag.NameTooLong, at.With("name"), fmt.Sprintf("the primary's %s would have a name of %d characters; Kubernetes allows %d", a.Kind, len(name), validation.DNS1123SubdomainMaxLength), "use a shorter name")
	}
	if r.TargetRef.Kind == "DaemonSet" {
		r.Report(diag.BadAutoscaler, at, "Kubernetes cannot scale a DaemonSet", "remove autoscalerRef")
	}
	if len(a.PrimaryScalerQueries) > 0 && a.Kind != ScaledObject {
		r.Report(diag.BadAutoscaler, at.With("primaryScalerQueries"), "Flagger reads primaryScalerQueries only for a ScaledObject", "remove primaryScalerQueries")
	}
	if n := a.PrimaryScalerReplicas; n != nil && n.MinReplicas != nil && n.MaxReplicas != nil && *n.MinReplicas > *n.MaxReplicas {
		r.Report(diag.BadAutoscaler, at.With("primaryScalerReplicas", "minReplicas"), fmt.Sprintf("minReplicas is %d, above the maxReplicas of %d", *n.MinReplicas, *n.MaxReplicas), fmt.Sprintf("maxReplicas: %d or more", *n.MinReplicas))
	}
}
