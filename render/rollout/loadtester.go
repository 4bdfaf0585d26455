package rollout

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/templates"
)

type deploymentSpec struct {
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
	Template struct {
		Metadata struct {
			Labels map[string]string `json:"labels"`
		} `json:"metadata"`
		Spec struct {
			Containers []container `json:"containers"`
		} `json:"spec"`
	} `json:"template"`
}

type container struct {
	Name            string   `json:"name"`
	Image           string   `json:"image"`
	Command         []string `json:"command"`
	Ports           []port   `json:"ports"`
	LivenessProbe   any      `json:"livenessProbe"`
	ReadinessProbe  any      `json:"readinessProbe"`
	Resources       any      `json:"resources"`
	SecurityContext any      `json:"securityContext"`
}

// A port is one of a container, or of a Service.
type port struct {
	Name          string `json:"name"`
	ContainerPort int32  `json:"containerPort,omitempty"`
	Port          int32  `json:"port,omitempty"`
	Protocol      string `json:"protocol,omitempty"`
	TargetPort    string `json:"targetPort,omitempty"`
}

type serviceSpec struct {
	Selector map[string]string `json:"selector"`
	Ports    []port            `json:"ports"`
}

// A skeleton is a manifest whose names are yet to be filled in.
type skeleton[Spec any] struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       Spec   `json:"spec"`
}

type loadTesterSkeleton struct {
	deployment skeleton[deploymentSpec]
	service    skeleton[serviceSpec]
}

// parsedLoadTester is the skeleton of package templates.
var parsedLoadTester = sync.OnceValue(func() loadTesterSkeleton {
	var s loadTesterSkeleton
	deployment, service, _ := strings.Cut(templates.LoadTester, "\n---\n")
	err := templates.Decode([]byte(deployment), &s.deployment)
	if err == nil {
		err = templates.Decode([]byte(service), &s.service)
	}
	if err != nil {
		panic(fmt.Sprintf("templates/loadtester.yaml: %v", err))
	}
	return s
})

// loadTesterObjects are the load tester of this rollout alone. It is in the
// namespace of the workload, and so in the mesh.
func (r *Rollout) loadTesterObjects() []manifest.Rendered {
	s := parsedLoadTester()
	app := map[string]string{"app": r.loadTester()}

	deployment := s.deployment.Spec
	deployment.Selector.MatchLabels = app
	deployment.Template.Metadata.Labels = app
	deployment.Template.Spec.Containers = slices.Clone(deployment.Template.Spec.Containers)
	deployment.Template.Spec.Containers[0].Image += ":" + r.c.Settings.LoadTesterVersion()

	service := s.service.Spec
	service.Selector = app

	at := r.Origin("testLoader")
	meta := manifest.Metadata{Name: r.loadTester(), Namespace: r.Namespace, Labels: app}
	serviceMeta := meta
	serviceMeta.Annotations = r.On.ServiceMeta(service.Ports[0].Port)
	return []manifest.Rendered{
		{Object: &manifest.Object{APIVersion: s.deployment.APIVersion, Kind: s.deployment.Kind, Metadata: meta, Spec: deployment}, Origin: at},
		{Object: &manifest.Object{APIVersion: s.service.APIVersion, Kind: s.service.Kind, Metadata: serviceMeta, Spec: service}, Origin: at},
	}
}
