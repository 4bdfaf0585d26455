package source

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/util/intstr"
)

// Read returns an object as a type with the fields of interest, or nil if the object does not fit,
// which the API server rejects. An object is decoded once.
func Read[T any](o *Object) *T {
	if o.read != nil {
		if v, ok := o.read.value.(*T); ok {
			return v
		}
	}
	v := new(T)
	if json.Unmarshal(o.JSON, v) != nil {
		v = nil
	}
	if o.read != nil {
		o.read.value = v
	}
	return v
}

// A Metadata holds the labels and annotations of an object.
type Metadata struct{ Labels, Annotations map[string]string }

// An Any is any object.
type Any struct{ Metadata Metadata }

// A Workload is a Deployment, or another kind that creates pods from a template.
type Workload struct {
	Metadata Metadata
	Spec     struct {
		Replicas *int32
		Selector Selector
		Template Pod
		// UpdateStrategy is the update strategy of a DaemonSet.
		UpdateStrategy struct{ Type string }
	}
}

// A Selector selects by labels.
type Selector struct {
	MatchLabels      map[string]string
	MatchExpressions []json.RawMessage
}

// A Pod is the template of pods.
type Pod struct {
	Metadata Metadata
	Spec     struct {
		HostNetwork                bool
		Containers, InitContainers []Container
		Volumes                    []Volume
	}
}

// A Container is one of a pod.
type Container struct {
	Name, Image, RestartPolicy string
	Ports                      []ContainerPort
	Env                        []struct {
		ValueFrom *struct{ ConfigMapKeyRef, SecretKeyRef *Reference }
	}
	EnvFrom []struct{ ConfigMapRef, SecretRef *Reference }
}

// A ContainerPort is one that a container declares.
type ContainerPort struct {
	Name, Protocol          string
	ContainerPort, HostPort int32
}

// A Reference names a ConfigMap or a Secret.
type Reference struct {
	Name     string
	Optional bool
}

// A Volume is one of a pod.
type Volume struct {
	ConfigMap *Reference
	Secret    *struct {
		SecretName string
		Optional   bool
	}
	Projected *struct {
		Sources []struct{ ConfigMap, Secret *Reference }
	}
	PersistentVolumeClaim *struct{ ClaimName string }
}

// A Service is a Service.
type Service struct {
	Metadata Metadata
	Spec     struct {
		Type, ClusterIP string
		Selector        map[string]string
		Ports           []ServicePort
	}
}

// A ServicePort is one of a Service.
type ServicePort struct {
	Name, Protocol, AppProtocol string
	Port, NodePort              int32
	TargetPort                  intstr.IntOrString
}

// An Autoscaler is a HorizontalPodAutoscaler or a ScaledObject.
type Autoscaler struct {
	Spec struct{ ScaleTargetRef struct{ Kind, Name string } }
}

// A Claim is a PersistentVolumeClaim.
type Claim struct {
	Spec struct{ AccessModes []string }
}

// An Ingress is an Ingress.
type Ingress struct {
	Metadata Metadata
	Spec     struct {
		IngressClassName string
		DefaultBackend   *IngressBackend
		Rules            []struct {
			Host string
			HTTP struct {
				Paths []struct{ Backend IngressBackend }
			}
		}
	}
}

// An IngressBackend is where an Ingress sends requests.
type IngressBackend struct {
	Service struct {
		Name string
		Port struct {
			Name   string
			Number int32
		}
	}
}

// Backends returns everything that an Ingress sends requests to.
func (i *Ingress) Backends() (all []IngressBackend) {
	if i.Spec.DefaultBackend != nil {
		all = append(all, *i.Spec.DefaultBackend)
	}
	for _, r := range i.Spec.Rules {
		for _, p := range r.HTTP.Paths {
			all = append(all, p.Backend)
		}
	}
	return all
}

// A RoleBinding is a RoleBinding or a ClusterRoleBinding.
type RoleBinding struct {
	Subjects []struct{ Kind, Namespace, Name string }
}

// A VirtualService is Istio's route.
type VirtualService struct {
	Spec struct {
		Hosts, Gateways []string
		HTTP, TCP, TLS  []struct {
			Route    []struct{ Destination struct{ Host string } }
			Delegate struct{ Name, Namespace string }
		}
	}
}

// A GatewayRoute is an HTTPRoute or another route of the Gateway API.
type GatewayRoute struct {
	Spec struct {
		Rules []struct{ BackendRefs []BackendRef }
	}
}

// A BackendRef names an object, in the namespace of the route if it names none.
type BackendRef struct{ Kind, Namespace, Name string }

// A TrafficRoute is a route of Kuma.
type TrafficRoute struct {
	Spec struct {
		Destinations []struct{ Match map[string]string }
	}
}

// A MeshRoute is a MeshHTTPRoute or a MeshTCPRoute of Kuma.
type MeshRoute struct {
	Spec struct {
		To []struct{ TargetRef BackendRef }
	}
}

// Selecting is an object that selects pods, by one of these fields.
type Selecting struct {
	Spec struct {
		Selector, PodSelector, EndpointSelector Selector
	}
}
