package fleet

import (
	"io"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/format"
	"github.com/fleetwright/fleetwright/internal/sink/plan"
	"github.com/fleetwright/fleetwright/render"
)

// A Document is a fleet for programs, and stable: a field keeps its name and its meaning, and others may be
// added.
type Document struct {
	format.Header
	Clusters    []jsonCluster    `json:"clusters"`
	Placements  []jsonPlacement  `json:"placements"`
	Differences []jsonDifference `json:"differences"`
	// Waves are empty where none are declared.
	Waves []jsonWave `json:"waves"`
	// WavesSeconds is the sum of all waves, and null if one never ends or none is declared.
	WavesSeconds *float64 `json:"wavesSeconds"`
}

// A jsonCluster has no wave where none is declared for it.
type jsonCluster struct {
	Name       string            `json:"name"`
	Labels     map[string]string `json:"labels"`
	Fleets     []string          `json:"fleets"`
	Wave       *string           `json:"wave"`
	Provider   string            `json:"provider"`
	Components []jsonComponent   `json:"components"`
	Stages     []jsonStage       `json:"stages"`
}

type jsonComponent struct {
	Name      string `json:"name"`
	Version   string `json:"version"`
	Installed bool   `json:"installed"`
}

type jsonStage struct {
	Name  string   `json:"name"`
	After []string `json:"after"`
	// Components are the names of the components that the stage installs.
	Components []string `json:"components"`
}

// A jsonPlacement is a form of an application with its clusters.
type jsonPlacement struct {
	Application string         `json:"application"`
	Clusters    []string       `json:"clusters"`
	Source      string         `json:"source"`
	Version     *jsonVersion   `json:"version"`
	After       []string       `json:"after"`
	Overrides   []jsonOverride `json:"overrides"`
	Variables   []string       `json:"variables"`
	Policies    []jsonPolicy   `json:"policies"`
}

type jsonVersion struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

type jsonOverride struct {
	Policy   string `json:"policy"`
	Section  string `json:"section"`
	Selector string `json:"selector"`
}

type jsonPolicy struct {
	Name      string          `json:"name"`
	Kind      string          `json:"kind"`
	Chart     string          `json:"chart"`
	Version   *jsonVersion    `json:"version"`
	Suspended bool            `json:"suspended"`
	DependsOn []jsonReference `json:"dependsOn"`
	Rollout   *jsonRollout    `json:"rollout"`
}

type jsonReference struct {
	Application string `json:"application"`
	Policy      string `json:"policy"`
}

// A jsonRollout has no seconds where it never promotes a version.
type jsonRollout struct {
	Namespace string           `json:"namespace"`
	Name      string           `json:"name"`
	Provider  string           `json:"provider"`
	Flagger   string           `json:"flagger"`
	Strategy  flagger.Strategy `json:"strategy"`
	Suspend   bool             `json:"suspend"`
	Seconds   *float64         `json:"seconds"`
}

// A jsonDifference describes clusters whose application differs from most clusters of the fleets.
type jsonDifference struct {
	Fleets      []string `json:"fleets"`
	Application string   `json:"application"`
	Clusters    []string `json:"clusters"`
	What        []string `json:"what"`
}

// A jsonWave has no seconds where one of its rollouts never promotes a version.
type jsonWave struct {
	Name     string   `json:"name"`
	Waits    bool     `json:"waits"`
	Clusters []string `json:"clusters"`
	Seconds  *float64 `json:"seconds"`
}

// writeJSON is for programs, which get all names.
func writeJSON(w io.Writer, f *Fleet, o Options) error {
	out := Document{
		Header: format.NewHeader("fleet", o.Version), Clusters: []jsonCluster{}, Placements: []jsonPlacement{}, Differences: []jsonDifference{}, Waves: []jsonWave{},
	}
	for _, m := range f.members {
		out.Clusters = append(out.Clusters, f.newJSONCluster(m))
	}
	for _, p := range f.Parts {
		for _, a := range p.Applications {
			for _, v := range a.Variants {
				out.Placements = append(out.Placements, newJSONPlacement(v))
			}
		}
		for _, d := range p.Differences() {
			for _, of := range d.Parts {
				out.Differences = append(out.Differences, jsonDifference{listed(p.Fleets), d.Application, of.Clusters, diag.RedactAll(of.What)})
			}
		}
	}
	for i := range f.Waves {
		w := &f.Waves[i]
		out.Waves = append(out.Waves, jsonWave{w.Name, w.Waits, listed(w.Clusters), plan.Seconds(w.Takes())})
	}
	if len(f.Waves) > 0 {
		out.WavesSeconds = plan.Seconds(plan.Total(f.Waves))
	}
	return diag.WriteJSON(w, out)
}

func (f *Fleet) newJSONCluster(m *render.Member) jsonCluster {
	out := jsonCluster{Name: m.Name, Labels: m.Labels, Fleets: listed(m.Fleets), Provider: m.Base.Provider, Components: []jsonComponent{}, Stages: []jsonStage{}}
	if out.Labels == nil {
		out.Labels = map[string]string{}
	}
	if wave := f.waveOf[m.Name]; wave != nil {
		out.Wave = &wave.Name
	}
	for _, c := range m.Base.Components {
		out.Components = append(out.Components, jsonComponent(c))
	}
	for _, s := range m.Base.Stages {
		stage := jsonStage{s.Name, []string{}, listed(s.Components)}
		if s.After != "" {
			stage.After = []string{s.After}
		}
		out.Stages = append(out.Stages, stage)
	}
	return out
}

func newJSONPlacement(v *Variant) jsonPlacement {
	out := jsonPlacement{
		Application: v.Application, Clusters: v.Clusters, Source: v.Source, Version: newJSONVersion(v.Version.Kind, v.Version.Value),
		After: listed(v.After), Overrides: []jsonOverride{}, Variables: listed(v.Variables), Policies: []jsonPolicy{},
	}
	for _, o := range v.Overrides {
		out.Overrides = append(out.Overrides, jsonOverride(o))
	}
	for _, p := range v.Policies {
		policy := jsonPolicy{Name: p.Name, Kind: p.Kind, Chart: diag.Redact(p.Chart), Version: newJSONVersion(p.Version.Kind, p.Version.Value), Suspended: p.Suspended, DependsOn: []jsonReference{}}
		for _, ref := range p.After {
			policy.DependsOn = append(policy.DependsOn, jsonReference(ref))
		}
		if r := p.Rollout; r != nil {
			c, good := &r.Plan.Canary, &r.Plan.Good
			policy.Rollout = &jsonRollout{r.Namespace, r.Name, c.Provider, r.Flagger, c.Strategy(), c.Suspend, nil}
			if !c.Suspend {
				policy.Rollout.Seconds = plan.Seconds(good.Duration(), good.Outcome == flagger.Promoted)
			}
		}
		out.Policies = append(out.Policies, policy)
	}
	return out
}

func newJSONVersion(kind, value string) *jsonVersion {
	if kind == "" {
		return nil
	}
	return &jsonVersion{kind, diag.Redact(value)}
}

// listed returns a list that JSON writes as one, however empty.
func listed(all []string) []string { return append([]string{}, all...) }
