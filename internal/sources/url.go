package sources

import (
	"net/url"
	"path"
	"strings"
)

// defaultPorts are the default ports of the protocols that fetch Git repositories, charts and artifacts.
var defaultPorts = map[string]string{"ssh": "22", "git+ssh": "22", "git": "9418", "http": "80", "https": "443", "oci": "443"}

// normal returns a URL in the form in which sources are compared: protocol and user do not matter for a Git
// repository. Repositories of a registry stay distinct.
func normal(text string) string {
	text = strings.TrimSpace(text)
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		// [user@]host:path (git-clone(1), Git URLs)
		host, name, ok := strings.Cut(text, ":")
		if !ok || strings.Contains(host, "/") {
			return text // a path
		}
		scheme, rest = "ssh", host+"/"+escapePercent(strings.TrimLeft(name, "/"))
	}
	scheme = strings.ToLower(scheme)
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil {
		return text
	}
	host := strings.ToLower(u.Hostname())
	if port := u.Port(); port != "" && port != defaultPorts[scheme] {
		host += ":" + port
	}
	name := strings.Trim(path.Clean("/"+u.Path), "/")
	if scheme == "oci" {
		return "oci://" + host + "/" + name
	}
	name = strings.TrimSuffix(name, ".git")
	if u.RawQuery != "" {
		name += "?" + u.RawQuery
	}
	return host + "/" + name
}

// escapePercent escapes percent signs, which only URLs treat as escapes.
func escapePercent(name string) string { return strings.ReplaceAll(name, "%", "%25") }

// HTTPS returns the URL of a Git repository in a browser, whatever the protocol and user are, or "" for a path.
func HTTPS(text string) string {
	name, _, _ := strings.Cut(normal(text), "?")
	host, path, ok := strings.Cut(name, "/")
	if !strings.HasPrefix(text, "http") {
		host, _, _ = strings.Cut(host, ":") // the port belongs to another protocol
	}
	isHost := strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:") == ""
	if strings.Contains(text, "::") || host == "" || host[0] == '.' || !isHost || !ok || path == "" || name == strings.TrimSpace(text) {
		return "" // a path, or a URL for a helper program of Git
	}
	return "https://" + host + "/" + path
}
