package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/schema"
)

// urlFields are the fields that hold a URL and nothing else.
var urlFields = []any{"url", "address", "repository", "metricsServer", "proxy"}

// checkCredentials reports the credentials in URLs, wherever they stand in a document.
func checkCredentials(docs []*schema.Document, to *report.Report) {
	for _, d := range docs {
		for _, at := range d.Texts(mayHoldCredential) {
			isURL := len(at) > 0 && slices.Contains(urlFields, at[len(at)-1])
			for _, found := range diag.Credentials(d.Text(at...)) {
				if isURL || !found.Loose && !found.Bare {
					to.Add(credentialDiagnostic(d, at, found.What))
					break
				}
			}
		}
	}
}

// mayHoldCredential reports quickly whether it is worth to look at a text.
func mayHoldCredential(text string) bool {
	return strings.Contains(text, ":/") || strings.ContainsAny(text, "@=")
}

// credentialDiagnostic returns the diagnostic of a credential in a field.
func credentialDiagnostic(d *schema.Document, at schema.Path, what string) diag.Diagnostic {
	const everyone = "holds %s, and everyone who can read the repository or the object on a cluster can read it"
	secret := secretFor(d, at)
	if secret == "" {
		return d.Diagnostic(diag.CredentialInText, at, fmt.Sprintf("a URL "+everyone, what), credentialHint(at))
	}
	name := cmp.Or(d.Text(beside(at).With("secretRef", "name")...), strings.TrimPrefix(d.Name+"-auth", "-"))
	return d.Diagnostic(diag.CredentialInURL, at, fmt.Sprintf("the URL "+everyone, what), fmt.Sprintf("secretRef: {name: %s}, %s", name, secret)+revoke)
}

const revoke = "; revoke the credential, since Git keeps it"

// beside returns the path of the mapping that a field is in.
func beside(at schema.Path) schema.Path { return at[:max(len(at)-1, 0)] }

// secretFor returns which Secret the credential of a field belongs into, or "" where whoever
// reads the field takes none.
func secretFor(d *schema.Document, at schema.Path) string {
	last := len(at) - 1
	switch field := d.Kind.Name + " " + at.String(); {
	case field == "AlertProvider spec.address":
		// fluxcd/flagger pkg/controller/events.go, alert
		return "in place of the address, of a Secret with the key address"
	// fluxcd/source-controller docs/spec/v1/gitrepositories.md, helmrepositories.md and
	// ocirepositories.md, "Secret reference"
	case field == "Application spec.source.gitRepository.url" && strings.HasPrefix(strings.ToLower(d.Text(at...)), "ssh:"):
		return "of a Secret with the keys identity and known_hosts"
	case field == "Application spec.source.gitRepository.url":
		return "of a Secret with the keys username and password, or bearerToken"
	case field == "Application spec.source.helmRepository.url":
		return "of a Secret with the keys username and password"
	case field == "Application spec.source.ociRepository.url", field == "RenderConfig spec.ociRepository.url":
		return "of a Secret with the type kubernetes.io/dockerconfigjson"
	case d.Kind.Name == "Application" && last > 2 && at[last] == "address" && at[last-1] == "provider" && at[last-2] == "customMetric":
		return metricSecret(d.Text(beside(at).With("type")...))
	}
	return ""
}

// metricSecret returns which Secret a provider of metrics takes, or "" where Flagger reads none
// (fluxcd/flagger pkg/metrics/providers).
func metricSecret(provider string) string {
	keys, ok := map[string]string{
		"prometheus":      "the key token, or username and password",
		"influxdb":        "the keys token and org",
		"datadog":         "the keys datadog_api_key and datadog_application_key",
		"externalmetrics": "the key token",
		"stackdriver":     "the keys project and serviceAccountKey",
		"newrelic":        "the keys newrelic_account_id and newrelic_query_key",
		"graphite":        "the keys username and password",
		"dynatrace":       "the key dynatrace_token",
		"splunk":          "the key sf_token_key",
	}[provider]
	if !ok {
		return ""
	}
	return "of a Secret with " + keys
}

// credentialHint returns what to write instead of a credential that no Secret is named for.
func credentialHint(at schema.Path) string {
	for _, h := range []struct {
		field any
		hint  string
	}{
		{"values", "valuesFrom: [{kind: Secret, name: …}] in place of the value"},
		{"command", "$TOKEN in its place, a variable that a patch gives the load tester from a Secret"},
		{"cmd", "$TOKEN in its place, a variable that a patch gives the load tester from a Secret"},
		{"webhooks", "call a Service of the cluster that adds the credential from a Secret"},
		{"chart", "use a repository that the clusters may read without it"},
	} {
		if slices.Contains(at, h.field) {
			return h.hint + revoke
		}
	}
	return "remove the credential and revoke it, since Git keeps it"
}
