package manifest

// An IngressSpec holds the fields of an Ingress' spec that are rendered.
type IngressSpec struct {
	IngressClassName string        `json:"ingressClassName"`
	Rules            []IngressRule `json:"rules"`
}

// An IngressRule routes the requests for a host.
type IngressRule struct {
	Host string `json:"host"`
	HTTP struct {
		Paths []IngressPath `json:"paths"`
	} `json:"http"`
}

// An IngressPath routes a path of a host to a port of a Service.
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
