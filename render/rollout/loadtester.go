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
			ServiceAccountName string      `json:"serviceAccountName,omitempty"`
			Containers         []container `json:"containers"`
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

// A port is a port of a container or of a Service.
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

// loadTesterSkeletons returns the manifests of package templates, without names.
var loadTesterSkeletons = sync.OnceValues(func() (deployment, service manifest.Object) {
	deployment.Spec, service.Spec = &deploymentSpec{}, &serviceSpec{}
	first, second, _ := strings.Cut(templates.LoadTester, "\n---\n")
	for text, o := range map[string]*manifest.Object{first: &deployment, second: &service} {
		if err := templates.Decode([]byte(text), o); err != nil {
			panic(fmt.Sprintf("templates/loadtester.yaml: %v", err))
		}
	}
	return deployment, service
})

// loadTesterObjects returns the load tester of this rollout only. It runs in the namespace of the workload, and
// therefore in the mesh.
func (r *Rollout) loadTesterObjects() []manifest.Rendered {
	deployment, service := loadTesterSkeletons()
	app := map[string]string{"app": r.loadTester()}
	deployment.Metadata = manifest.Metadata{Name: r.loadTester(), Namespace: r.Namespace, Labels: app}
	service.Metadata = deployment.Metadata

	pods := *deployment.Spec.(*deploymentSpec)
	pods.Selector.MatchLabels = app
	pods.Template.Metadata.Labels = app
	pods.Template.Spec.ServiceAccountName = r.TestLoaderServiceAccountName
	pods.Template.Spec.Containers = slices.Clone(pods.Template.Spec.Containers)
	pods.Template.Spec.Containers[0].Image = r.c.Settings.LoadTesterImage(pods.Template.Spec.Containers[0].Image)
	deployment.Spec = pods

	ports := *service.Spec.(*serviceSpec)
	ports.Selector = app
	service.Metadata.Annotations = r.On.ServiceMeta(ports.Ports[0].Port)
	service.Spec = ports

	at := r.Origin("testLoader")
	return []manifest.Rendered{{Object: &deployment, Origin: at}, {Object: &service, Origin: at}}
}
