package krm

// A Result is what a function says of the objects that it was given
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

// A Field is one of the object's.
type Field struct {
	Path string `json:"path"`
}

// A File is where the object is in the package, or among the inputs.
type File struct {
	Path  string `json:"path"`
	Index int    `json:"index"`
}
