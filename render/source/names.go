package source

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation"
)

// RefuseName returns the rule of the API server that a name for an object of this kind violates, or ""
// (k8s.io/kubernetes pkg/apis: core, apps, batch, networking and autoscaling, validation.go). A Job's name
// becomes the label of its pods, and a CronJob adds 11 characters to it.
func (o *Object) RefuseName(name string) string {
	refusals, most, words := validation.IsDNS1123Subdomain, validation.DNS1123SubdomainMaxLength, "lower-case letters, digits, '-' and '.'"
	switch o.Group() + "/" + o.Kind {
	case "/Service":
		refusals, most, words = validation.IsDNS1035Label, validation.DNS1035LabelMaxLength, "lower-case letters, digits and '-', beginning with a letter"
	case "apps/StatefulSet":
		refusals, most, words = validation.IsDNS1123Label, validation.DNS1123LabelMaxLength, "lower-case letters, digits and '-'"
	case "batch/Job":
		most = validation.LabelValueMaxLength
	case "batch/CronJob":
		most = validation.LabelValueMaxLength - 11
	case "/Pod", "/ConfigMap", "/Secret", "/ServiceAccount", "/PersistentVolumeClaim", "apps/Deployment", "apps/DaemonSet",
		"apps/ReplicaSet", "networking.k8s.io/Ingress", "autoscaling/HorizontalPodAutoscaler":
	default:
		return ""
	}
	if len(name) <= most && len(refusals(name)) == 0 {
		return ""
	}
	return fmt.Sprintf("the name of a %s has at most %d %s", o.Kind, most, words)
}
