// Package templates holds data: the charts that are
// installed, the manifests of a load tester, queries, the documents that a user begins
// with, and the texts about diagnostics.
package templates

import (
	"bytes"
	"embed"
	"encoding/json"

	"go.yaml.in/yaml/v4"
)

// Charts are the pinned charts and fleetwright's values for them: charts.yaml as JSON, which a start reads in a
// tenth of the time. make generate writes it.
//
//go:embed charts.json
var Charts []byte

// LoadTester is the Deployment and the Service of a private load tester, as two
// YAML documents. Names, labels and the image are filled in.
//
//go:embed loadtester.yaml
var LoadTester string

// The queries behind Flagger's own metrics on Kuma, for a Prometheus that finds
// Kuma's dataplanes through the control plane. MESH, PORT and CLUSTER are filled
// in when compiling, {{ service }}, {{ namespace }} and {{ interval }} by Flagger.
var (
	//go:embed kuma/request-success-rate.promql
	KumaRequestSuccessRate string
	//go:embed kuma/request-duration.promql
	KumaRequestDuration string
)

// The queries behind Flagger's own metrics on nginx. PORT is filled in when
// compiling, the rest by Flagger.
var (
	//go:embed nginx/request-success-rate.promql
	NginxRequestSuccessRate string
	//go:embed nginx/request-duration.promql
	NginxRequestDuration string
)

// The queries behind Flagger's own metrics on Gateway API, where Contour or Istio implements it. PORT is
// filled in when compiling, the rest by Flagger.
var (
	//go:embed contour/request-success-rate.promql
	ContourRequestSuccessRate string
	//go:embed contour/request-duration.promql
	ContourRequestDuration string
	//go:embed istio/request-success-rate.promql
	IstioRequestSuccessRate string
	//go:embed istio/request-duration.promql
	IstioRequestDuration string
)

// The queries behind Flagger's own metrics without a router. SUFFIX, the end of the pods' names, and
// the labels NAMESPACE and POD are filled in when compiling, the rest by Flagger.
var (
	//go:embed kubernetes/request-success-rate.promql
	KubernetesRequestSuccessRate string
	//go:embed kubernetes/request-duration.promql
	KubernetesRequestDuration string
)

// ShellCommands are the commands of bash and of a busybox that scripts of a load test may
// use, separated by blanks. All other commands are reported as missing in the image: a
// comment can ignore the few rare ones, and the report finds misspelt ones.
//
//go:embed shell-commands.txt
var ShellCommands string

// Init are the documents that a user begins with: init/PROVIDER/application.yaml and
// fleet.yaml, or installed.yaml for a fleet whose clusters have everything already. NAME, in
// values, is filled in.
//
//go:embed init
var Init embed.FS

// Plan are the texts and the page of rollout plans, and the drawings in it, as
// text/template and html/template read them.
//
//go:embed plan
var Plan embed.FS

// Fleet are the page of a fleet and the drawings in it, as html/template reads them.
//
//go:embed fleet
var Fleet embed.FS

// Diagnostics are the texts about diagnostics: diagnostics/CODE.md. Package catalogue
// reads them.
//
//go:embed diagnostics/FW*.md
var Diagnostics embed.FS

// Explain holds the templates of explain for the texts about diagnostics.
//
//go:embed explain
var Explain embed.FS

// Decode decodes a template by its fields' json tags, with the YAML reader
// that the input has gone through: a second one costs a start what reading it does.
func Decode(template []byte, to any) error {
	var value any
	if err := yaml.Unmarshal(template, &value); err != nil {
		return err
	}
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(to)
}
