package rules

import (
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/lazyregexp"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A request is a request of a call, as its words describe it.
type request struct {
	// method is empty if it is unknown, as with curl, whose many options set it and headers.
	method  string
	url     *url.URL
	headers map[string]string
}

// requestsOf returns the requests of a call, by its URLs, or none if they are unknown.
func requestsOf(call flagger.Call) (all []request) {
	name := path.Base(call.Name)
	if name != "hey" && name != "wrk" && name != "curl" && name != "wget" {
		return nil
	}
	method, headers := "", headersOf(call)
	if name == "hey" || name == "wrk" {
		method = "GET"
	}
	for i, w := range call.Words {
		option, value, ok := strings.Cut(w.Text, "=")
		switch {
		case !w.Known, name == "wrk" && (strings.HasPrefix(w.Text, "-s") || strings.HasPrefix(w.Text, "--script")):
			return nil // a script may send anything
		case name == "hey" && (option == "-m" || option == "--m"):
			if !ok && i+1 < len(call.Words) {
				value = call.Words[i+1].Text
			}
			method = strings.ToUpper(value)
		}
	}
	for _, w := range call.Words {
		if u, err := url.Parse(w.Text); err == nil && u.Hostname() != "" && (u.Scheme == "http" || u.Scheme == "https") {
			all = append(all, request{method, u, headers})
		}
	}
	return all
}

// meetsRoute reports whether a call's requests may meet a condition of the rollout's routes.
func (r *Rollout) meetsRoute(call flagger.Call) bool {
	conditions := r.routeConditions()
	requests := requestsOf(call)
	return len(conditions) == 0 || len(requests) == 0 || slices.ContainsFunc(requests, func(q request) bool {
		return slices.ContainsFunc(conditions, func(m flagger.Match) bool { return r.mayTake(m, q) })
	})
}

// routeConditions returns the conditions of the rollout's routes, or none if every request meets one.
func (r *Rollout) routeConditions() []flagger.Match {
	switch service := len(r.Service.Match); {
	case service == 0, service*max(len(r.Analysis.Match), 1) > mostRoutes, r.Service.Delegation:
		return nil
	case r.IsGatewayAPI():
		return gatewayMatches(r.Canary)
	case r.Provider == flagger.Istio:
		return routed(r.Canary)
	}
	return nil
}

// implied are headers that a load generator may send by default.
var implied = []string{"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"}

// mayTake reports whether a request may meet a condition. Unknown parts count as met.
func (r *Rollout) mayTake(m flagger.Match, q request) bool {
	if !r.takesPath(m, q.url) {
		return false
	}
	if q.method == "" {
		return true
	}
	if m.Method != (api.StringMatch{}) && !matches(m.Method, q.method) {
		return false
	}
	query := q.url.Query()
	for name, match := range m.Headers {
		value, sent := q.headers[strings.ToLower(name)]
		if !strings.HasPrefix(name, ":") && !slices.Contains(implied, strings.ToLower(name)) && (!sent || match != (api.StringMatch{}) && !matches(match, value)) {
			return false
		}
	}
	for name, match := range m.QueryParams {
		if !query.Has(name) || !matches(match, query.Get(name)) {
			return false
		}
	}
	return true
}

// takesPath reports whether a path may meet a condition. A prefix ends at a segment in an HTTPRoute, and
// anywhere in Istio (kubernetes-sigs/gateway-api apis/v1/httproute_types.go, PathMatchType; istio/api
// networking/v1alpha3, StringMatch).
func (r *Rollout) takesPath(m flagger.Match, u *url.URL) bool {
	uri, at := m.URI, u.Path
	if at == "" {
		at = "/"
	}
	if path.Clean(at) != strings.TrimSuffix(at, "/") && at != "/" || u.RawPath != "" {
		return true // it may be normalized
	}
	if r.Provider == flagger.Istio && m.IgnoreURICase {
		uri, at = lower(uri), strings.ToLower(at)
	}
	switch {
	case uri.Exact != "":
		return at == uri.Exact
	case uri.Prefix != "" && r.IsGatewayAPI():
		prefix := strings.TrimSuffix(uri.Prefix, "/")
		return at == prefix || strings.HasPrefix(at, prefix+"/")
	case uri.Prefix != "":
		return strings.HasPrefix(at, uri.Prefix)
	case uri.Regex != "" && r.Provider == flagger.Istio:
		return matches(uri, at)
	}
	return true // implementations match regular expressions against the whole path or a part
}

var (
	// firstURL matches the first URL of a command, and generator the name of a load generator.
	firstURL  = lazyregexp.New(`(?i)https?://[^\s"']*`)
	generator = lazyregexp.New(`\b(hey|wrk|curl)\s`)
	// hostOption matches an option that sets the host, and methodOption hey's option for the method.
	hostOption   = lazyregexp.New(`\s+(?:--?host[ =]+\S+|--authority[ =]+\S+|(?:-H|--header)[ =]?(?:"[Hh]ost:[^"]*"|'[Hh]ost:[^']*'|[Hh]ost:\S+))`)
	methodOption = lazyregexp.New(`\s+--?m[ =]+\S+`)
)

// withOption inserts an option after the name of the first generator, or replaces the found one. A command
// without a generator stays unchanged.
func withOption(command, option string, found []int) string {
	at := generator().FindStringSubmatchIndex(command)
	switch {
	case at == nil:
		return command
	case found != nil:
		return command[:found[0]] + " " + option + command[found[1]:]
	default:
		return command[:at[3]] + " " + option + command[at[3]:]
	}
}

// withHost returns a command with a host header. hey needs an option for it (rakyll/hey hey.go).
func withHost(command, host string) string {
	option := "-host " + host
	if name := generator().FindString(command); strings.TrimSpace(name) != "hey" {
		option = quotedHeader("Host", host)
	}
	return withOption(command, option, hostOption().FindStringIndex(command))
}

func quotedHeader(name, value string) string {
	return `-H "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(name+": "+value) + `"`
}

// withURL returns a command with a changed path or query of its first URL.
func withURL(command string, change func(*url.URL)) string {
	at := firstURL().FindStringIndex(command)
	if at == nil {
		return command
	}
	u, err := url.Parse(command[at[0]:at[1]])
	if err != nil {
		return command
	}
	if u.Path == "" {
		u.Path = "/"
	}
	change(u)
	text := strings.ReplaceAll(u.String(), url.QueryEscape("…"), "…")
	if strings.ContainsAny(text, "&()*;") && (at[0] == 0 || !strings.ContainsAny(command[at[0]-1:at[0]], `"'`)) {
		text = "'" + text + "'"
	}
	return command[:at[0]] + text + command[at[1]:]
}

// meeting returns a command whose requests meet a condition. call is its call. Parts that meet the condition
// stay unchanged.
func (r *Rollout) meeting(command string, call flagger.Call, m flagger.Match) string {
	sent := request{url: &url.URL{}, headers: headersOf(call)}
	if requests := requestsOf(call); len(requests) > 0 {
		sent = requests[0]
	}
	if !r.takesPath(m, sent.url) {
		command = withURL(command, func(u *url.URL) { u.Path, u.RawPath = exampleOf(m.URI), "" })
	}
	query := sent.url.Query()
	for _, name := range slices.Sorted(maps.Keys(m.QueryParams)) {
		if match := m.QueryParams[name]; !query.Has(name) || !matches(match, query.Get(name)) {
			command = withURL(command, func(u *url.URL) {
				changed := u.Query()
				changed.Set(name, exampleOf(match))
				u.RawQuery = changed.Encode()
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		if value, ok := sent.headers[strings.ToLower(name)]; !ok || !matches(m.Headers[name], value) {
			same := regexp.MustCompile(strings.ReplaceAll(`\s+(?:-H|--header)[ =]?(?:"(?i:NAME):[^"]*"|'(?i:NAME):[^']*'|(?i:NAME):\S*)`, "NAME", regexp.QuoteMeta(name)))
			command = withOption(command, quotedHeader(name, exampleOf(m.Headers[name])), same.FindStringIndex(command))
		}
	}
	if sent.method != "" && m.Method.Exact != "" && sent.method != m.Method.Exact && path.Base(call.Name) == "hey" {
		command = withOption(command, "-m "+m.Method.Exact, methodOption().FindStringIndex(command))
	}
	return command
}

// exampleOf returns a text that meets a condition, or … if its expression has no literal prefix.
func exampleOf(m api.StringMatch) string {
	if text := m.Exact + m.Prefix + m.Suffix; text != "" {
		return text
	}
	if text, _ := begin(m); text != "" && matches(m, text) {
		return text
	}
	return "…"
}
