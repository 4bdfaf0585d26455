package diff

import (
	"io"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/format"
)

// A Document is a report for programs, and stable: fields keep their names and meanings, and new ones
// may be added. Without changes its lists are empty.
type Document struct {
	format.Header
	Clusters []Cluster    `json:"clusters"`
	Notes    []Note       `json:"notes"`
	Changes  []jsonChange `json:"changes"`
	Through  string       `json:"through,omitempty"`
	Waves    []jsonWave   `json:"waves,omitempty"`
	Summary  summary      `json:"summary"`
}

// A jsonChange of a file without objects has no kind.
type jsonChange struct {
	Action     Action   `json:"action"`
	APIVersion string   `json:"apiVersion,omitempty"`
	Kind       string   `json:"kind,omitempty"`
	Namespace  string   `json:"namespace,omitempty"`
	Name       string   `json:"name,omitempty"`
	Path       string   `json:"path"`
	OldPath    string   `json:"oldPath,omitempty"`
	Clusters   []string `json:"clusters"`
	Fields     []Field  `json:"fields,omitempty"`
	Diff       string   `json:"diff"`
}

// A jsonWave holds the written or the waiting changes of the wave's clusters, with notes.
type jsonWave struct {
	Name     string        `json:"name"`
	Waits    bool          `json:"waits"`
	Clusters []WaveCluster `json:"clusters"`
	Notes    []Note        `json:"notes,omitempty"`
}

// writeJSON writes the document of a report. Credentials are replaced by ***. Paths are below the output directory, on the first cluster.
func writeJSON(w io.Writer, r *Report, o Options) error {
	report := Document{format.NewHeader("diff", o.Version), append([]Cluster{}, r.Clusters...), append([]Note{}, redactedNotes(r.Notes)...), []jsonChange{}, r.through, nil, r.summary()}
	for _, w := range r.Waves {
		report.Waves = append(report.Waves, jsonWave{w.Name, w.Waits, append([]WaveCluster{}, w.Clusters...), redactedNotes(w.Notes)})
	}
	for i := range r.Changes {
		ch := &r.Changes[i]
		change := jsonChange{
			Action:     ch.Action,
			APIVersion: ch.Object.APIVersion, Kind: ch.Object.Kind, Namespace: ch.Object.Namespace, Name: ch.Object.Name,
			Path: ch.file(), Clusters: ch.Clusters, Diff: diag.Redact(ch.unified(o.Dir)),
		}
		if ch.oldPath() != "" {
			change.OldPath = ch.old.file()
		}
		for _, field := range ch.Fields {
			change.Fields = append(change.Fields, Field{diag.Redact(field.Path), redacted(field.Old), redacted(field.New)})
		}
		report.Changes = append(report.Changes, change)
	}
	return diag.WriteJSON(w, report)
}

// redactedNotes returns notes without the credentials in them.
func redactedNotes(notes []Note) (all []Note) {
	for _, n := range notes {
		n.Text, n.Danger = diag.Redact(n.Text), diag.Redact(n.Danger)
		all = append(all, n)
	}
	return all
}

// redacted returns the value of a field without the credentials in it.
func redacted(value any) any {
	switch v := value.(type) {
	case string:
		return diag.Redact(v)
	case []any:
		all := make([]any, len(v))
		for i, item := range v {
			all[i] = redacted(item)
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(v))
		for name, item := range v {
			all[diag.Redact(name)] = redacted(item)
		}
		return all
	}
	return value
}
