// Package fleetgen generates fleets of any size, with Applications of every strategy on every provider, for
// benchmarks and tests. The same size gives the same bytes.
package fleetgen

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"github.com/fleetwright/fleetwright/schema"
)

// teamSize is the number of Applications of a team.
const teamSize = 12

// A Size is the size of a generated repository.
type Size struct {
	// Applications is the number of Applications. They are assigned in turn to one fleet for each provider.
	Applications int
	// Clusters is the number of clusters in each fleet. Every Application runs on all clusters of its fleet,
	// except for a few policies that select some.
	Clusters int
	// Overrides adds three overrides to each Application: for staging and for two regions.
	Overrides bool
}

// Files returns the files of a repository: one for each Application, in the directory of its team, and one
// for each fleet and its clusters.
func Files(size Size) (files []schema.File, err error) {
	add := func(name, template string, of any) {
		var text bytes.Buffer
		err = cmp.Or(err, templates.ExecuteTemplate(&text, template, of))
		files = append(files, schema.File{Name: name, Data: text.Bytes()})
	}
	for _, provider := range providers[:min(len(providers), size.Applications)] {
		add("fleets/"+provider+".yaml", "fleet", newFleet(provider, size.Clusters))
	}
	for i := range size.Applications {
		a := newApplication(i)
		a.Overrides = size.Overrides
		add(a.Team()+"/"+a.Name()+".yaml", "application", a)
	}
	return files, err
}

// Write writes files below a directory.
func Write(dir string, files []schema.File) error {
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

//go:embed documents.tmpl
var documents string

var templates = template.Must(template.New("").Delims("<<", ">>").Parse(documents))

// providers are the providers of the fleets, in the order in which Applications are assigned to them.
var providers = []string{"kuma", "istio", "nginx"}

// prometheus is the address of each provider's own metrics.
var prometheus = map[string]string{
	"kuma":  "http://prometheus-server.mesh-observability:80",
	"istio": "http://prometheus.istio-system:9090",
	"nginx": "http://flagger-prometheus.ingress-nginx:9090",
}

// A fleet is the fleet of a provider.
type fleet struct {
	Provider string
	Clusters []cluster
}

type cluster struct {
	Name, Region, Stage string
	// Wave is the number of the cluster's wave, one of four.
	Wave int
}

// newFleet generates a fleet. Its first cluster is in production in the first region, so that selectors match
// even in a fleet of one.
func newFleet(provider string, clusters int) fleet {
	f := fleet{Provider: provider}
	for i := range clusters {
		c := cluster{Region: []string{"eu", "us", "ap"}[i%3], Stage: "production", Wave: i % 4}
		c.Name = fmt.Sprintf("%s-%s-%04d", provider, c.Region, i)
		if i%5 == 4 {
			c.Stage = "staging"
		}
		f.Clusters = append(f.Clusters, c)
	}
	return f
}

// A shape is the sources, policies and strategy of an Application.
type shape struct {
	// Source is git, helm or oci.
	Source string
	// Strategy is the strategy of the rollout, or "" for no rollout.
	Strategy string
	// Chart is the installed chart, with its version, or "" for manifests.
	Chart, ChartVersion string
	// Cache adds a policy for the dependencies of the workload.
	Cache bool
	// Mirrors copies requests to the new version first, if the provider can.
	Mirrors bool
}

// shapes holds all shapes: common ones are repeated, and the first ten Applications all differ.
var shapes = []shape{
	{Source: "git", Strategy: "weights"},
	{Source: "git", Strategy: "stepped"},
	{Source: "git"},
	{Source: "git", Strategy: "audience"},
	{Source: "helm", Strategy: "weights", Chart: "service", ChartVersion: "2.x"},
	{Source: "git", Strategy: "blueGreen"},
	{Source: "git", Strategy: "gated", Cache: true},
	{Source: "oci", Strategy: "promoted"},
	{Source: "helm", Chart: "job", ChartVersion: "1.4.x"},
	{Source: "git", Strategy: "measured"},
	{Source: "git", Chart: "./chart"},
	{Source: "git", Strategy: "gated"},
	{Source: "git", Strategy: "blueGreen", Mirrors: true},
	{Source: "oci", Strategy: "skipped"},
	{Source: "oci", Chart: "worker"},
	{Source: "git", Strategy: "weights"},
}

// services are the names of Applications.
var services = []string{"accounts", "basket", "catalogue", "delivery", "invoices", "mail", "orders", "payments", "reviews", "search", "stock"}

// An application is derived from its number.
type application struct {
	shape
	number int
	// of is the number among the Applications of its provider.
	of       int
	Provider string
	// Overrides reports whether to add overrides.
	Overrides bool
}

func newApplication(number int) application {
	a := application{number: number, of: number / len(providers), Provider: providers[number%len(providers)]}
	a.shape = shapes[a.of%len(shapes)]
	if a.Strategy == "audience" && a.Provider == "kuma" {
		a.Strategy = "blueGreen" // Kuma cannot match requests
	}
	return a
}

func (a application) Name() string {
	return fmt.Sprintf("%s-%05d", services[a.number%len(services)], a.number)
}

// Team is also the name of a namespace that many of its workloads share.
func (a application) Team() string { return fmt.Sprintf("team-%03d", a.number/teamSize) }

// Namespace is the workload's namespace: its own, or the team's.
func (a application) Namespace() string {
	if a.of%2 == 0 {
		return a.Name()
	}
	return a.Team()
}

func (a application) Port() int          { return []int{8080, 9898, 80, 3000}[a.of%4] }
func (a application) Host() string       { return a.Name() + ".example.com" }
func (a application) Version() string    { return fmt.Sprintf("1.%d.0", a.number%30) }
func (a application) Replicas() int      { return 2 + a.number%3 }
func (a application) OwnTester() bool    { return a.of%2 == 0 }
func (a application) CheckInterval() int { return 30 + 30*(a.of%3) }
func (a application) Failures() int      { return 2 + a.of%4 }
func (a application) Prometheus() string { return prometheus[a.Provider] }

// Canary is the host of the new version.
func (a application) Canary() string {
	return fmt.Sprintf("%s-canary.%s:%d", a.Name(), a.Namespace(), a.Port())
}
