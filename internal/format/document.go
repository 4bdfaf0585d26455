package format

// A Header is the beginning of every JSON document for programs.
type Header struct {
	// Schema is the address that identifies the JSON Schema of the document.
	Schema string `json:"$schema"`
	// Fleetwright is the version of the program that wrote the document.
	Fleetwright string `json:"fleetwright"`
}

// NewHeader returns the header of a document that a command writes.
func NewHeader(command, version string) Header { return Header{SchemaURL(command), version} }

// SchemaURL returns the $id of the JSON Schema of a command's output. A new number means that a field was removed,
// or has a new meaning.
func SchemaURL(command string) string {
	return "https://fleetwright.dev/schema/" + command + "/v1.json"
}
