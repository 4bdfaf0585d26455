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
	if secret, ok := secretFor(d, at); ok {
		return d.Diagnostic(diag.CredentialInURL, at, fmt.Sprintf("the URL holds %s, and everyone who can read the repository or the object on a cluster can read it", what),
			fmt.Sprintf("secretRef: {name: %s}, %s; revoke the credential, since Git keeps it", cmp.Or(secret.name, d.Name+"-auth"), secret.content))
	}
	return d.Diagnostic(diag.CredentialInText, at, fmt.Sprintf("a URL holds %s, and everyone who can read the repository or the object on a cluster can read it", what), credentialHint(at))
}

// A secretChoice is the Secret that a URL's credential belongs into.
type secretChoice struct {
	// name that the document gives it already.
	name string
	// content says which Secret it is.
	content string
}

// secretFor returns the Secret for the credential of a field, or false where whoever reads
// the field takes none.
func secretFor(d *schema.Document, at schema.Path) (secretChoice, bool) {
	of := func(ref schema.Path, content string) (secretChoice, bool) {
		return secretChoice{d.Text(ref.With("secretRef", "name")...), content}, true
	}
	last := len(at) - 1
	beside := at[:max(last, 0)]
	switch text := strings.ToLower(d.Text(at...)); {
	case d.Kind.Name == "AlertProvider" && at.String() == "spec.address":
		// fluxcd/flagger pkg/controller/events.go, alert
		return of(beside, "in place of the address, of a Secret with the key address")
	case d.Kind.Name != "Application":
		return secretChoice{}, false
	// fluxcd/source-controller docs/spec/v1/gitrepositories.md, helmrepositories.md and
	// ocirepositories.md, "Secret reference"
	case at.String() == "spec.source.gitRepository.url" && strings.HasPrefix(text, "ssh:"):
		return of(beside, "of a Secret with the keys identity and known_hosts")
	case at.String() == "spec.source.gitRepository.url":
		return of(beside, "of a Secret with the keys username and password, or bearerToken")
	case at.String() == "spec.source.helmRepository.url":
		return of(beside, "of a Secret with the keys username and password")
	case at.String() == "spec.source.ociRepository.url":
		return of(beside, "of a Secret with the type kubernetes.io/dockerconfigjson")
	case last > 2 && at[last] == "address" && at[last-1] == "provider" && at[last-2] == "customMetric":
		if keys := metricSecret(d.Text(beside.With("type")...)); keys != "" {
			return of(beside, "of a Secret with "+keys)
		}
	}
	return secretChoice{}, false
}

// metricSecret returns what a Secret for a provider of metrics holds, or nothing where
// Flagger reads none (fluxcd/flagger pkg/metrics/providers).
func metricSecret(provider string) string {
	switch provider {
	case "prometheus":
		return "the key token, or username and password"
	case "influxdb":
		return "the keys token and org"
	case "datadog":
		return "the keys datadog_api_key and datadog_application_key"
	case "externalmetrics":
		return "the key token"
	case "stackdriver":
		return "the keys project and serviceAccountKey"
	case "newrelic":
		return "the keys newrelic_account_id and newrelic_query_key"
	case "graphite":
		return "the keys username and password"
	case "dynatrace":
		return "the key dynatrace_token"
	case "splunk":
		return "the key sf_token_key"
	}
	return ""
}

// credentialHint says what to write instead of a credential that no Secret is named for.
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
			return h.hint + "; revoke the credential, since Git keeps it"
		}
	}
	return "remove the credential and revoke it, since Git keeps it"
}
