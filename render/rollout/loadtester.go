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

func parseSkeleton[Spec any](text string) (s skeleton[Spec]) {
	if err := templates.Decode([]byte(text), &s); err != nil {
		panic(fmt.Sprintf("templates/loadtester.yaml: %v", err))
	}
	return s
}

// loadTesterSkeletons are those of package templates.
var loadTesterSkeletons = sync.OnceValues(func() (skeleton[deploymentSpec], skeleton[serviceSpec]) {
	deployment, service, _ := strings.Cut(templates.LoadTester, "\n---\n")
	return parseSkeleton[deploymentSpec](deployment), parseSkeleton[serviceSpec](service)
})

// object returns the manifest with its name, and what is filled in of its spec.
func (s skeleton[Spec]) object(meta manifest.Metadata, spec Spec) *manifest.Object {
	return &manifest.Object{APIVersion: s.APIVersion, Kind: s.Kind, Metadata: meta, Spec: spec}
}

// loadTesterObjects are the load tester of this rollout alone. It is in the
// namespace of the workload, and so in the mesh.
func (r *Rollout) loadTesterObjects() []manifest.Rendered {
	ofDeployment, ofService := loadTesterSkeletons()
	app := map[string]string{"app": r.loadTester()}

	deployment := ofDeployment.Spec
	deployment.Selector.MatchLabels = app
	deployment.Template.Metadata.Labels = app
	deployment.Template.Spec.Containers = slices.Clone(deployment.Template.Spec.Containers)
	deployment.Template.Spec.Containers[0].Image += ":" + r.c.Settings.LoadTesterVersion()

	service := ofService.Spec
	service.Selector = app

	at := r.Origin("testLoader")
	meta := manifest.Metadata{Name: r.loadTester(), Namespace: r.Namespace, Labels: app}
	serviceMeta := meta
	serviceMeta.Annotations = r.On.ServiceMeta(service.Ports[0].Port)
	return []manifest.Rendered{
		{Object: ofDeployment.object(meta, deployment), Origin: at},
		{Object: ofService.object(serviceMeta, service), Origin: at},
	}
}
