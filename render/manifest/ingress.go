package manifest

// An IngressSpec is the spec of an Ingress, as far as it is rendered.
type IngressSpec struct {
	IngressClassName string        `json:"ingressClassName"`
	Rules            []IngressRule `json:"rules"`
}

// An IngressRule says where the requests for a host go.
type IngressRule struct {
	Host string `json:"host"`
	HTTP struct {
		Paths []IngressPath `json:"paths"`
	} `json:"http"`
}

// An IngressPath is a path of a host, and the port of a Service that answers there.
type IngressPath struct {
	Path     string `json:"path"`
	PathType string `json:"pathType"`
	Backend  struct {
		Service struct {
			Name string `json:"name"`
			Port struct {
				Number int32 `json:"number"`
			} `json:"port"`
		} `json:"service"`
	} `json:"backend"`
}
