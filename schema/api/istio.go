package api

// The fields of a VirtualService that Kurator's API has and Flagger reads
// (fluxcd/flagger pkg/apis/istio/v1beta1).

// HTTPRetry sets how failed requests are retried.
type HTTPRetry struct {
	// Attempts is the number of retries.
	// +fleetwright:example=3
	Attempts int32 `json:"attempts" required:"false" min:"0"`

	// PerTryTimeout is the timeout of one attempt, in Istio's format.
	// +fleetwright:example=2s
	PerTryTimeout Duration `json:"perTryTimeout,omitempty"`

	// RetryOn lists the failures to retry, separated by commas.
	// +fleetwright:example=gateway-error,connect-failure,rejected-stream
	RetryOn string `json:"retryOn,omitempty" format:"retry-on"`
}

// Headers changes the headers of requests and responses.
type Headers struct {
	// Request changes the headers of requests.
	Request *HeaderOperations `json:"request,omitempty"`

	// Response changes the headers of responses.
	Response *HeaderOperations `json:"response,omitempty"`
}

// HeaderOperations holds the changes of headers.
type HeaderOperations struct {
	// Set replaces headers.
	// +fleetwright:example={"x-version": "canary"}
	Set map[string]string `json:"set,omitempty" format:"envoy-header-value" keys:"operation-header"`

	// Add adds to headers.
	// +fleetwright:example={"x-version": "canary"}
	Add map[string]string `json:"add,omitempty" format:"envoy-header-value" keys:"operation-header"`

	// Remove removes headers.
	// +fleetwright:example=["x-debug"]
	Remove []string `json:"remove,omitempty" format:"operation-header"`
}

// CorsPolicy is the cross-origin resource sharing of a Service.
type CorsPolicy struct {
	// AllowOrigin lists the allowed origins, each in full. Istio has deprecated it; gatewayapi has
	// no other field.
	// +fleetwright:example=["https://app.example.com"]
	AllowOrigin []string `json:"allowOrigin,omitempty"`

	// AllowOrigins lists the allowed origins. For istio.
	// +fleetwright:becomes=`spec.service.corsPolicy` of the Canary on istio; rejected on the others (FW403, FW711, FW734, FW750)
	AllowOrigins []StringMatch `json:"allowOrigins,omitempty"`

	// AllowMethods lists the allowed HTTP methods.
	// +fleetwright:example=["GET", "POST"]
	AllowMethods []string `json:"allowMethods,omitempty" format:"cors-method"`

	// AllowHeaders lists the allowed request headers.
	// +fleetwright:example=["content-type"]
	AllowHeaders []string `json:"allowHeaders,omitempty" format:"cors-header"`

	// ExposeHeaders lists the headers that a browser may expose to scripts.
	// +fleetwright:example=["x-request-id"]
	ExposeHeaders []string `json:"exposeHeaders,omitempty" format:"cors-header"`

	// MaxAge is how long a browser may cache the response, in Istio's format.
	// +fleetwright:example=24h
	MaxAge Duration `json:"maxAge,omitempty"`

	// AllowCredentials lets requests carry credentials.
	AllowCredentials bool `json:"allowCredentials,omitempty"`
}

// ServiceMatch is a condition on the requests of a route. All its fields must match.
// +fleetwright:becomes=`spec.service.match[].{path}` of the Canary on istio and gatewayapi
type ServiceMatch struct {
	// URI is the path of a request: exact, prefix or regex.
	URI StringMatch `json:"uri,omitzero"`

	// Method of a request, exact.
	Method StringMatch `json:"method,omitzero"`

	// Headers that a request must have, by name in lower case: exact or regex.
	// +fleetwright:example={"x-user-group": {"exact": "insider"}}
	Headers map[string]StringMatch `json:"headers,omitempty" keys:"match-header"`

	// QueryParams that a request must have, by name: exact or regex.
	// +fleetwright:example={"version": {"exact": "next"}}
	QueryParams map[string]StringMatch `json:"queryParams,omitempty"`
}

// HTTPMatch is a condition on requests. All its fields must match. Kurator accepts
// Istio's whole HTTPMatchRequest; a Canary's analysis has three of its fields
// (fluxcd/flagger artifacts/flagger/crd.yaml), the others are rejected.
// +fleetwright:becomes=rejected (FW314): a Canary's analysis has no such field
type HTTPMatch struct {
	// Headers that a request must have, by name in lower case.
	// +fleetwright:example={"x-user-group": {"exact": "insider"}}
	// +fleetwright:becomes=`spec.analysis.match[].headers` of the Canary; on nginx exact and regex of one header, and one cookie (FW711)
	Headers map[string]StringMatch `json:"headers,omitempty" keys:"match-header"`

	// QueryParams that a request must have, by name. For istio and gatewayapi.
	// +fleetwright:example={"version": {"exact": "next"}}
	// +fleetwright:becomes=`spec.analysis.match[].queryParams` of the Canary on istio and gatewayapi; rejected on nginx (FW711)
	QueryParams map[string]StringMatch `json:"queryParams,omitempty"`

	// SourceLabels that the calling pod must have. For istio.
	// +fleetwright:example={"app": "frontend"}
	// +fleetwright:becomes=`spec.analysis.match[].sourceLabels` of the Canary on istio; rejected on nginx (FW711) and gatewayapi (FW731)
	SourceLabels map[string]LabelValue `json:"sourceLabels,omitempty"`

	// Name is rejected: a Canary's analysis has no such field.
	Name any `json:"name,omitempty"`

	// Uri is rejected: a Canary's analysis has no such field.
	Uri any `json:"uri,omitempty"`

	// Scheme is rejected: a Canary's analysis has no such field.
	Scheme any `json:"scheme,omitempty"`

	// Method is rejected: a Canary's analysis has no such field.
	Method any `json:"method,omitempty"`

	// Authority is rejected: a Canary's analysis has no such field.
	Authority any `json:"authority,omitempty"`

	// Port is rejected: a Canary's analysis has no such field.
	Port any `json:"port,omitempty"`

	// Gateways is rejected: a Canary's analysis has no such field.
	Gateways any `json:"gateways,omitempty"`

	// IgnoreUriCase is rejected: a Canary's analysis has no such field.
	IgnoreUriCase any `json:"ignoreUriCase,omitempty"`

	// WithoutHeaders is rejected: a Canary's analysis has no such field.
	WithoutHeaders any `json:"withoutHeaders,omitempty"`

	// SourceNamespace is rejected: a Canary's analysis has no such field.
	SourceNamespace any `json:"sourceNamespace,omitempty"`
}

// StringMatch is a condition on text: exactly one of its fields.
type StringMatch struct {
	// Exact is the whole text.
	// +fleetwright:example=insider
	Exact string `json:"exact,omitempty"`

	// Prefix is the beginning of the text.
	// +fleetwright:example=https://app.
	Prefix string `json:"prefix,omitempty"`

	// Suffix is the end of the text. It is rejected: Istio has no such condition.
	// +fleetwright:example=.example.com
	Suffix string `json:"suffix,omitempty"`

	// Regex is a regular expression for the whole text.
	// +fleetwright:example=^(.*?;)?(type=insider)(;.*)?$
	Regex string `json:"regex,omitempty"`
}

// Part returns the name of the field that the condition has, or nothing.
func (m StringMatch) Part() string {
	switch {
	case m.Exact != "":
		return "exact"
	case m.Prefix != "":
		return "prefix"
	case m.Suffix != "":
		return "suffix"
	case m.Regex != "":
		return "regex"
	}
	return ""
}
