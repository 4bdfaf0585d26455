package krm

// A Result is a report of a function about its items
// (kustomize, cmd/config/docs/api-conventions/functions-spec.md).
type Result struct {
	Message     string            `json:"message"`
	Severity    string            `json:"severity"`
	ResourceRef *ResourceRef      `json:"resourceRef,omitempty"`
	Field       *Field            `json:"field,omitempty"`
	File        *File             `json:"file,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// A ResourceRef names an object.
type ResourceRef struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name,omitempty"`
}

// A Field is a field of the object.
type Field struct {
	Path string `json:"path"`
}

// A File is the place of the object in the package or in the inputs.
type File struct {
	Path  string `json:"path"`
	Index int    `json:"index"`
}
