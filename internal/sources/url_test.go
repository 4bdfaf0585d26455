package sources

import "testing"

func TestNormalURLs(t *testing.T) {
	const shop = "https://github.com/acme/shop"
	for _, tt := range []struct {
		name, url string
		is        bool
	}{
		{"https", "https://github.com/acme/shop", true},
		{"https with .git", "https://github.com/acme/shop.git", true},
		{"a trailing slash", "https://github.com/acme/shop/", true},
		{"a slash behind .git", "https://github.com/acme/shop.git/", true},
		{"two slashes", "https://github.com//acme/shop", true},
		{"a user", "https://bot@github.com/acme/shop.git", true},
		{"a password", "https://bot:secret@github.com/acme/shop.git", true},
		{"the default port of https", "https://github.com:443/acme/shop", true},
		{"http", "http://github.com:80/acme/shop", true},
		{"ssh", "ssh://git@github.com/acme/shop.git", true},
		{"the default port of ssh", "ssh://git@github.com:22/acme/shop", true},
		{"scp", "git@github.com:acme/shop.git", true},
		{"scp without a user", "github.com:acme/shop", true},
		{"scp with an absolute path", "git@github.com:/acme/shop", true},
		{"an upper-case host", "HTTPS://GitHub.com/acme/shop", true},
		{"an upper-case host of scp", "git@GITHUB.com:acme/shop", true},
		{"an escape", "https://github.com/acme/sh%6Fp", true},
		{"an escape of scp, which is none", "git@github.com:acme/sh%6Fp", false},
		{"another repository", "https://github.com/acme/shop2", false},
		{"an upper-case path", "https://github.com/Acme/shop", false},
		{"another host", "https://gitlab.com/acme/shop", false},
		{"another port", "https://github.com:8443/acme/shop", false},
		{"the port of another protocol", "https://github.com:22/acme/shop", false},
		{"a registry", "oci://github.com/acme/shop", false},
		{"a directory", "/srv/acme/shop", false},
		{"a directory with a colon", "./github.com:acme/shop", false},
		{"nothing", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if is := normal(tt.url) == normal(shop); is != tt.is {
				t.Errorf("%s is %q, and %s is %q", tt.url, normal(tt.url), shop, normal(shop))
			}
		})
	}
	if normal("oci://GHCR.io:443/acme/shop/") != normal("oci://ghcr.io/acme/shop") {
		t.Error("a registry's port, slash and upper-case host make another source")
	}
	if normal("oci://ghcr.io/acme/shop.git") == normal("oci://ghcr.io/acme/shop") {
		t.Error(".git is a part of a name in a registry")
	}
}

func TestHTTPS(t *testing.T) {
	for url, want := range map[string]string{
		"https://github.com/example/fleet":                 "https://github.com/example/fleet",
		"https://github.com/example/fleet.git":             "https://github.com/example/fleet",
		"https://somebody:secret@github.com/example/fleet": "https://github.com/example/fleet",
		"https://github.com/example/fleet?token=secret":    "https://github.com/example/fleet",
		"git@github.com:example/fleet.git":                 "https://github.com/example/fleet",
		"ssh://git@git.example.com:2222/example/fleet":     "https://git.example.com/example/fleet",
		"https://git.example.com:8443/example/fleet":       "https://git.example.com:8443/example/fleet",
		"/srv/git/fleet":           "",
		"../fleet":                 "",
		"file:///srv/git/fleet":    "",
		"ext::sh -c 'touch x' %S/": "",
		"fleet":                    "",
		"":                         "",
	} {
		if got := HTTPS(url); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}
