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

// urlFields holds the fields that contain only a URL.
var urlFields = []any{"url", "address", "repository", "metricsServer", "proxy"}

// checkCredentials reports credentials in URLs anywhere in a document.
func checkCredentials(docs []*schema.Document, to *report.Report) {
	for _, d := range docs {
		for _, at := range d.Texts(mayHoldCredential) {
			isURL := len(at) > 0 && slices.Contains(urlFields, at[len(at)-1])
			for _, found := range diag.Credentials(d.Text(at...)) {
				if isURL || !found.Loose && !found.Bare {
					to.Add(credentialDiagnostic(d, at, found.Kind))
					break
				}
			}
		}
	}
}

// mayHoldCredential reports, cheaply, whether a text may contain a credential.
func mayHoldCredential(text string) bool {
	return strings.Contains(text, ":/") || strings.ContainsAny(text, "@=")
}

// credentialDiagnostic returns the diagnostic of a credential in a field.
func credentialDiagnostic(d *schema.Document, at schema.Path, what string) diag.Diagnostic {
	const everyone = "contains %s, and everyone who can read the repository or the object on a cluster can read it"
	secret := secretFor(d, at)
	if secret == "" {
		return d.Diagnostic(diag.CredentialInText, at, fmt.Sprintf("a URL "+everyone, what), credentialHint(at))
	}
	name := cmp.Or(d.Text(parent(at).With("secretRef", "name")...), strings.TrimPrefix(d.Name+"-auth", "-"))
	return d.Diagnostic(diag.CredentialInURL, at, fmt.Sprintf("the URL "+everyone, what), fmt.Sprintf("secretRef: {name: %s}, %s", name, secret)+revoke)
}

const revoke = "; revoke the credential, because Git keeps it"

// parent returns the path of the mapping that contains a field.
func parent(at schema.Path) schema.Path { return at[:max(len(at)-1, 0)] }

// secretFor returns the Secret for the credential of a field, or "" if the reader of the field accepts none.
func secretFor(d *schema.Document, at schema.Path) string {
	last := len(at) - 1
	switch field := d.Kind.Name + " " + at.String(); {
	case field == "AlertProvider spec.address":
		// fluxcd/flagger pkg/controller/events.go, alert
		return "instead of the address, a Secret with the key address"
	// fluxcd/source-controller docs/spec/v1/gitrepositories.md, helmrepositories.md and
	// ocirepositories.md, "Secret reference"
	case field == "Application spec.source.gitRepository.url" && strings.HasPrefix(strings.ToLower(d.Text(at...)), "ssh:"):
		return "a Secret with the keys identity and known_hosts"
	case field == "Application spec.source.gitRepository.url":
		return "a Secret with the keys username and password, or bearerToken"
	case field == "Application spec.source.helmRepository.url":
		return "a Secret with the keys username and password"
	case field == "Application spec.source.ociRepository.url", field == "RenderConfig spec.ociRepository.url":
		return "a Secret with the type kubernetes.io/dockerconfigjson"
	case d.Kind.Name == "Application" && last > 2 && at[last] == "address" && at[last-1] == "provider" && at[last-2] == "customMetric":
		return metricSecret(d.Text(parent(at).With("type")...))
	}
	return ""
}

// metricSecret returns the Secret for a provider of metrics, or "" if Flagger reads none (fluxcd/flagger
// pkg/metrics/providers).
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
	return "a Secret with " + keys
}

// credentialHint returns the hint for a credential that has no Secret.
func credentialHint(at schema.Path) string {
	for _, h := range []struct {
		field any
		hint  string
	}{
		{"values", "valuesFrom: [{kind: Secret, name: …}] instead of the value"},
		{"command", "$TOKEN instead, and a patch that sets this variable of the load tester from a Secret"},
		{"cmd", "$TOKEN instead, and a patch that sets this variable of the load tester from a Secret"},
		{"webhooks", "call a Service of the cluster that adds the credential from a Secret"},
		{"chart", "use a repository that the clusters can read without a credential"},
	} {
		if slices.Contains(at, h.field) {
			return h.hint + revoke
		}
	}
	return "remove the credential and revoke it, because Git keeps it"
}
