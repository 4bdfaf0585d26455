package conformance

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fleetwright/fleetwright/conformance/internal/registry"
	"github.com/fleetwright/fleetwright/conformance/internal/tools"
)

const user, password = "ci", "secret"

// TestPublishLogsIn publishes to a registry with passwords, with each kind of login that programs leave on a
// machine.
func TestPublishLogsIn(t *testing.T) {
	host := registry.Start(t, toolsDir, registry.Options{Users: map[string]string{user: password}}).Host
	auths := func(password string) []byte {
		data, err := json.Marshal(map[string]any{"auths": map[string]any{host: map[string]string{
			"auth": base64.StdEncoding.EncodeToString([]byte(user + ":" + password)),
		}}})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	helped := []byte(fmt.Sprintf(`{"credHelpers": {%q: "conformance"}}`, host))
	helper := []byte(fmt.Sprintf("#!/bin/sh\nread -r host\n[ \"$1 $host\" = 'get %s' ] && echo '{\"ServerURL\": \"%s\", \"Username\": \"%s\", \"Secret\": \"%s\"}'\n", host, host, user, password))
	dir := t.TempDir()
	mustCopy(t, tree{
		"docker/config.json": auths(password), "wrong/config.json": auths("wrong"), "podman.json": auths(password), "run/containers/auth.json": auths(password),
		"helper/config.json": helped, "bin/docker-credential-conformance": helper,
	}, dir)
	if err := os.Chmod(dir+"/bin/docker-credential-conformance", 0o755); err != nil {
		t.Fatal(err)
	}
	crane, err := tools.Build(toolsDir, tools.Crane)
	if err != nil {
		t.Fatal(err)
	}
	login := exec.Command(crane, "auth", "login", host, "--username", user, "--password", password)
	login.Env = append(os.Environ(), "DOCKER_CONFIG="+dir+"/crane")
	if out, err := login.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, test := range []struct {
		name, env, refused string
	}{
		{"docker login", "DOCKER_CONFIG=" + dir + "/docker", ""},
		{"podman login to a file", "REGISTRY_AUTH_FILE=" + dir + "/podman.json", ""},
		{"podman login", "XDG_RUNTIME_DIR=" + dir + "/run", ""},
		{"crane auth login", "DOCKER_CONFIG=" + dir + "/crane", ""},
		{"nothing", "DOCKER_CONFIG=" + dir, "401 Unauthorized"},
		{"a wrong password", "DOCKER_CONFIG=" + dir + "/wrong", "401 Unauthorized"},
		{"a helper", "DOCKER_CONFIG=" + dir + "/helper", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			record(t, "12. OCI: logs in")
			f := newFleet(t, host, strings.ReplaceAll(test.name, " ", "-"), "oci")
			f.env = append(f.env, test.env)
			if test.name == "a helper" {
				f.env = append(f.env, "PATH="+dir+"/bin:"+os.Getenv("PATH"))
			}
			code, printed := f.try(t)
			if test.refused == "" && code != 0 || test.refused != "" && (code != 2 || !strings.Contains(printed, test.refused) || !strings.Contains(printed, "log in to "+host)) {
				t.Errorf("publish exits with %d:\n%s", code, printed)
			}
			if strings.Contains(printed, password) {
				t.Errorf("publish prints the password:\n%s", printed)
			}
			if test.refused != "" {
				return
			}
			ls := exec.Command(crane, "ls", "--insecure", f.host+"/"+f.name+"/milan")
			ls.Env = append(os.Environ(), "DOCKER_CONFIG="+dir+"/crane")
			out, err := ls.CombinedOutput()
			if tags := strings.Fields(string(out)); err != nil || !slices.Contains(tags, "latest") || len(tags) != 2 {
				t.Errorf("crane lists %q: %v", out, err)
			}
		})
	}
}

// tokens are the tokens of a registry, as hosted registries issue them: each is valid for some repositories
// and a few requests.
type tokens struct {
	mu    sync.Mutex
	given map[string]*token
}

type token struct {
	scopes []string
	left   int // requests left
}

// give answers a request for a token.
func (s *tokens) give(w http.ResponseWriter, r *http.Request) {
	if u, p, _ := r.BasicAuth(); u != user || p != password {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := fmt.Sprintf("token-%d", len(s.given))
	s.given[name] = &token{r.URL.Query()["scope"], 4}
	fmt.Fprintf(w, `{"token": %q}`, name)
}

// repositoryPath matches the paths of requests about a repository.
var repositoryPath = regexp.MustCompile(`^/v2/(.+)/(?:manifests|blobs|tags)/`)

// guard passes on the requests that have a valid token.
func (s *tokens) guard(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		s.give(w, r)
		return
	}
	scope := ""
	if m := repositoryPath.FindStringSubmatch(r.URL.Path); m != nil {
		scope = "repository:" + m[1]
	}
	action := "pull"
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		action = "push"
	}
	s.mu.Lock()
	have := s.given[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	ok := have != nil && have.left > 0 && slices.ContainsFunc(have.scopes, func(given string) bool {
		return scope == "" || strings.HasPrefix(given, scope+":") && strings.Contains(given, action)
	})
	if ok {
		have.left--
	}
	s.mu.Unlock()
	if !ok {
		registry.Answer(http.StatusUnauthorized, "WWW-Authenticate",
			fmt.Sprintf(`Bearer realm="http://%s/token",service="registry.example.com",scope="%s:pull,push"`, r.Host, scope))(next, w, r)
		return
	}
	next.ServeHTTP(w, r)
}

// TestPublishByTokens publishes to a registry with bearer tokens that expire in the middle.
func TestPublishByTokens(t *testing.T) {
	record(t, "12. OCI: logs in by tokens")
	r := registry.Start(t, toolsDir, registry.Options{})
	m := newMove(t, r).at(t, r.Host, "fleet")
	p := r.Proxy(t)
	s := &tokens{given: map[string]*token{}}
	p.Fail(registry.After(0), s.guard)
	m.after.host = p.Host
	m.fails(t, "401 Unauthorized", "log in to")
	config := t.TempDir()
	mustCopy(t, tree{"config.json": []byte(fmt.Sprintf(`{"auths": {%q: {"username": %q, "password": %q}}}`, p.Host, user, password))}, config)
	m.after.env = append(m.after.env, "DOCKER_CONFIG="+config)
	m.after.publish(t)
	if got := len(s.given); got < 4 {
		t.Errorf("%d tokens were requested", got)
	}
	m.goesOn(t, r.Host)
}

// TestPublishSigns signs artifacts with cosign and a key, without a transparency log, and verifies them. The
// signatures must be pushed before the tags.
func TestPublishSigns(t *testing.T) {
	scheduled(t, "a build of cosign")
	cosign, err := tools.Build(toolsDir, tools.Cosign)
	if err != nil {
		t.Fatal(err)
	}
	r := registry.Start(t, toolsDir, registry.Options{})
	m := newMove(t, r).at(t, r.Host, "fleet")
	keys := t.TempDir()
	// No request goes beyond the registry.
	env := []string{"COSIGN_PASSWORD=", "HOME=" + keys, "HTTPS_PROXY=http://127.0.0.1:1", "PATH=" + filepath.Dir(cosign) + ":" + os.Getenv("PATH")}
	m.before.env, m.after.env = append(m.before.env, env...), append(m.after.env, env...)
	run := func(args ...string) (string, error) {
		cmd := exec.Command(cosign, args...)
		cmd.Dir, cmd.Env = keys, append(os.Environ(), m.after.env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("generate-key-pair"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	verify := func(cluster, tag string) error {
		out, err := run("verify", "--key", "cosign.pub", "--insecure-ignore-tlog", "--allow-http-registry", m.after.at(cluster, tag))
		if err != nil {
			return fmt.Errorf("%s:%s: %w\n%s", cluster, tag, err, out)
		}
		return nil
	}
	signKey := []string{"--sign-key", keys + "/cosign.key"}
	t.Run("artifacts published unsigned", func(t *testing.T) {
		record(t, "12. OCI: cosign signs and verifies")
		if verify("milan", "latest") == nil {
			t.Fatal("cosign verifies an unsigned artifact")
		}
		tags := m.before.state(t)
		m.before.publish(t, signKey...)
		after := m.before.state(t)
		for at, digest := range tags {
			if after[at] != digest {
				t.Errorf("%s changed from %s to %s", at, digest, after[at])
			}
		}
		for _, cluster := range m.new.clusters() {
			if err := verify(cluster, "latest"); err != nil {
				t.Error(err)
			}
		}
		m.before.publish(t, signKey...)
		if again := m.before.state(t); !maps.Equal(after, again) {
			t.Errorf("a second run changes\n%s\nto\n%s", show(after), show(again))
		}
	})
	t.Run("signatures come before tags", func(t *testing.T) {
		record(t, "12. OCI: cosign signs and verifies")
		p := r.Proxy(t)
		p.Fail(func(r registry.Request) bool {
			return r.Method == http.MethodPut && tagPath.MatchString(r.Path)
		}, registry.Answer(http.StatusForbidden))
		f := m.after
		f.host = p.Host
		before := m.after.state(t)
		if code, printed := f.try(t, signKey...); code != 2 || !strings.Contains(printed, "no cluster") {
			t.Errorf("publish exits with %d:\n%s", code, printed)
		}
		signed := 0
		for at, digest := range m.after.state(t) {
			if strings.HasSuffix(at, ".sig") && before[at] == "" {
				signed++
			} else if before[at] != digest {
				t.Errorf("%s changed from %s to %s", at, before[at], digest)
			}
		}
		if signed != len(m.new.clusters()) {
			t.Errorf("%d artifacts are signed", signed)
		}
		p.Heal()
		m.after.publish(t, signKey...)
		for _, cluster := range m.new.clusters() {
			for _, tag := range []string{"latest", m.commit} {
				if err := verify(cluster, tag); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// tagPath matches the path of a manifest's tag, except the tags of signatures.
var tagPath = regexp.MustCompile(`/manifests/(?:latest|[0-9a-f]{40})$`)
