package sources

import (
	"net/url"
	"path"
	"strings"
)

// defaultPorts are those of the protocols by which Git, charts and artifacts are fetched.
var defaultPorts = map[string]string{"ssh": "22", "git+ssh": "22", "git": "9418", "http": "80", "https": "443", "oci": "443"}

// normal returns a URL in the form by which sources are compared: how a repository is fetched, and
// by whom, makes no other repository of it. The repositories of a registry stay apart.
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

// escapePercent keeps a percent sign from being read as an escape, which it is in URLs alone.
func escapePercent(name string) string { return strings.ReplaceAll(name, "%", "%25") }

// HTTPS returns the URL of a Git repository as it is read in a browser, whichever way it is fetched and by whom, or
// "" for one that is a path.
func HTTPS(text string) string {
	name, _, _ := strings.Cut(normal(text), "?")
	host, path, ok := strings.Cut(name, "/")
	if !strings.HasPrefix(text, "http") {
		host, _, _ = strings.Cut(host, ":") // the port of another protocol
	}
	isHost := strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:") == ""
	if strings.Contains(text, "::") || host == "" || host[0] == '.' || !isHost || !ok || path == "" || name == strings.TrimSpace(text) {
		return "" // a path, or what a program of Git fetches
	}
	return "https://" + host + "/" + path
}
