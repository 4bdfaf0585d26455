package diff

import (
	"io"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// A jsonReport has empty lists where nothing changes.
type jsonReport struct {
	Clusters []Cluster    `json:"clusters"`
	Notes    []Note       `json:"notes"`
	Changes  []jsonChange `json:"changes"`
	Through  string       `json:"through,omitempty"`
	Waves    []jsonWave   `json:"waves,omitempty"`
	Summary  summary      `json:"summary"`
}

// A jsonChange of a file that holds no object has no kind.
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

// A jsonWave has what is written of its clusters now, or what waits for them, with notes.
type jsonWave struct {
	Name     string        `json:"name"`
	Waits    bool          `json:"waits"`
	Clusters []WaveCluster `json:"clusters"`
	Notes    []Note        `json:"notes,omitempty"`
}

// writeJSON is for programs: a field keeps its name and its meaning, and others may come beside it.
// Credentials are replaced by ***. Paths are below the output directory, on the first cluster.
func writeJSON(w io.Writer, r *Report, o Options) error {
	report := jsonReport{append([]Cluster{}, r.Clusters...), append([]Note{}, redactedNotes(r.Notes)...), []jsonChange{}, r.through, nil, r.summary()}
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
