package oci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/lazyregexp"
)

// Scheme is the scheme of the URL of a fleet's artifacts, as in Flux.
const Scheme = "oci://"

// IsURL reports whether an output is a registry rather than a directory.
func IsURL(output string) bool { return strings.HasPrefix(output, Scheme) }

// A Fleet is the place of all clusters' artifacts: one repository for each cluster, below one path.
type Fleet struct {
	// url begins with the scheme.
	url    string
	prefix name.Repository
	puller *remote.Puller
	pusher *remote.Pusher
	// options are for requests outside puller and pusher.
	options  []remote.Option
	insecure bool
}

// Options configure the access to a registry.
type Options struct {
	// Insecure allows plain HTTP, to this machine only.
	Insecure bool
	// UserAgent identifies the program to the registry.
	UserAgent string
}

// Open returns the fleet at a URL, such as oci://registry.example.com/fleet. It sends no request.
func Open(url string, opts Options) (*Fleet, error) {
	const example = "write it as oci://registry.example.com/fleet"
	url = strings.TrimRight(url, "/")
	path := strings.TrimPrefix(url, Scheme)
	host, below, _ := strings.Cut(path, "/")
	switch {
	case len(diag.Credentials(url)) > 0:
		return nil, diag.NewMistake("the URL of the registry has credentials", "log in with docker login, podman login or crane auth login")
	case host == "" || below == "":
		return nil, diag.NewMistake(url+" names no registry and path", example)
	case strings.Contains(below, "@") || strings.Contains(below, ":"):
		return nil, diag.NewMistake(url+" names a tag or a digest", "omit it: each cluster has its own repository below the path, with its own tags")
	}
	if opts.Insecure && !isLoopback(host) {
		return nil, diag.NewMistake("--insecure is only for a registry on this machine; "+host+" may be another machine", "omit it: the registry must serve HTTPS")
	}
	f := &Fleet{url: url, insecure: opts.Insecure}
	prefix, err := name.NewRepository(path, f.nameOptions()...)
	if err == nil && !pathForm().MatchString(below) {
		err = errors.New("its path needs names of lower-case letters, digits, '.', '_' and '-', separated by slashes")
	}
	if isDefault := prefix.RegistryStr() == name.DefaultRegistry; err != nil || isDefault && !strings.HasSuffix(host, "docker.io") {
		return nil, diag.NewMistake(url+" is not the URL of a registry", cmp.Or(reason(err), "its host needs a dot or a port")+"; "+example)
	}
	f.prefix = prefix
	// Read the credentials once: otherwise each cluster's repository would run the credential helper again.
	auth, err := authn.DefaultKeychain.Resolve(prefix)
	if err != nil {
		return nil, fmt.Errorf("cannot read the credentials of %s: %w", host, err)
	}
	f.options = []remote.Option{
		remote.WithAuth(auth),
		remote.WithTransport(newTransport(opts.Insecure)),
		remote.WithUserAgent(opts.UserAgent),
		remote.WithRetryBackoff(backoff),
	}
	if f.puller, err = remote.NewPuller(f.options...); err != nil {
		return nil, err
	}
	f.pusher, err = remote.NewPusher(f.options...)
	return f, err
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// backoff retries a request after a temporary failure: after 1 s, 3 s and 9 s.
var backoff = remote.Backoff{Duration: time.Second, Factor: 3, Jitter: 0.1, Steps: 4}

// answerWithin limits how long a request waits for the registry's answer.
const answerWithin = 2 * time.Minute

// newTransport returns a transport that uses plain HTTP only where that is allowed. The library would try it with
// every host that looks local.
func newTransport(insecure bool) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = atOnce
	t.ResponseHeaderTimeout = answerWithin
	if insecure {
		return schemeTransport{t, "http"}
	}
	return schemeTransport{t, "https"}
}

// A schemeTransport sends only requests whose URL has its scheme.
type schemeTransport struct {
	http.RoundTripper
	scheme string
}

func (t schemeTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case r.URL.Scheme == "http" && (t.scheme != "http" || !isLoopback(r.URL.Host)):
		return nil, errPlain
	case r.URL.Scheme != t.scheme:
		return nil, errHTTPS
	}
	redirects := 0
	for from := r.Response; from != nil && from.Request != nil; from = from.Request.Response {
		redirects++
	}
	if redirects > mostRedirects {
		return nil, errRedirects
	}
	response, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		err = &lostRequest{err}
	}
	return response, err
}

// mostRedirects limits the redirects of a request, as net/http does, whose check the library replaces.
const mostRedirects = 10

var errRedirects = errors.New("the registry redirects too many times")

var (
	errPlain = errors.New("the registry asks for plain HTTP")
	errHTTPS = errors.New("not tried over HTTPS")
)

// A lostRequest is the reason why a request got no answer. The library prefixes URLs, which may have credentials.
type lostRequest struct{ error }

func (e *lostRequest) Unwrap() error { return e.error }

// Temporary reports whether the library should send the request again.
func (e *lostRequest) Temporary() bool {
	var t interface{ Temporary() bool }
	return errors.As(e.error, &t) && t.Temporary()
}

// repository returns the repository of a cluster.
func (f *Fleet) repository(cluster string) (name.Repository, error) {
	if !pathForm().MatchString(cluster) || strings.Contains(cluster, "/") {
		return name.Repository{}, diag.NewMistake(fmt.Sprintf("%q is not the name of a cluster", cluster), "name a cluster of the inputs")
	}
	r, err := name.NewRepository(f.prefix.Name()+"/"+cluster, f.nameOptions()...)
	if err != nil {
		return r, diag.NewMistake(fmt.Sprintf("%s/%s cannot be the repository of the cluster: %v", f.url, cluster, err), "use a shorter path")
	}
	return r, nil
}

func (f *Fleet) nameOptions() []name.Option {
	if f.insecure {
		return []name.Option{name.Insecure}
	}
	return nil
}

// pathForm matches the path of a repository (OCI distribution-spec 1.1, Pulling manifests).
var pathForm = lazyregexp.New(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)

// tagForm matches a tag (OCI distribution-spec 1.1, Pulling manifests).
var tagForm = lazyregexp.New(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// CheckTag returns an error if an artifact cannot have a tag in addition to its commits.
func CheckTag(tag string) error {
	switch {
	case !tagForm().MatchString(tag):
		return diag.NewMistake(fmt.Sprintf("%q is not a tag", tag), "write at most 128 letters, digits, '.', '_' and '-', beginning with a letter, a digit or '_'")
	case strings.HasPrefix(tag, "sha256-"):
		return diag.NewMistake("the tag "+tag+" is a signature's", "cosign uses such tags for signatures; name another tag")
	case isCommit(tag):
		return diag.NewMistake("the tag "+tag+" is a commit", "publish that commit: every artifact has its commit as a tag")
	}
	return nil
}

// isMissing reports whether an error means that the registry has no such repository, tag or blob.
func isMissing(err error) bool {
	var refused *transport.Error
	return errors.As(err, &refused) && refused.StatusCode == http.StatusNotFound
}

// explain returns the error of a request about a cluster in words for people.
func (f *Fleet) explain(cluster string, err error) error {
	var refused *transport.Error
	var lost *lostRequest
	var mistake *diag.Mistake
	at := f.url + "/" + cluster
	host := f.prefix.RegistryStr()
	switch {
	case err == nil || errors.As(err, &mistake):
		return err
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	case errors.As(err, &refused):
		said := fmt.Sprintf("%s: the registry answers %d %s", at, refused.StatusCode, http.StatusText(refused.StatusCode))
		// A registry that rejects credentials may repeat them in its answer.
		isLogin := refused.StatusCode == http.StatusUnauthorized || refused.StatusCode == http.StatusForbidden
		if len(refused.Errors) > 0 && !isLogin {
			said += ": " + diag.Plain(refused.Errors[0].Message)
		}
		switch refused.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return diag.NewMistake(said, "log in to "+host+" as a user who may pull and push: docker login, podman login or crane auth login")
		case http.StatusMethodNotAllowed:
			return diag.NewMistake(said, "the registry may be a read-only mirror: publish to the registry behind it")
		case http.StatusNotFound:
			return diag.NewMistake(said, "some registries need each repository created first: create it, and run the same command again")
		case http.StatusInsufficientStorage, http.StatusRequestEntityTooLarge:
			return diag.NewMistake(said, "free space in the registry, or raise its quota, and run the same command again")
		case http.StatusTooManyRequests:
			return diag.NewMistake(said, "wait, and run the same command again")
		}
		if refused.StatusCode >= http.StatusInternalServerError {
			return diag.NewMistake(said, "read the registry's log (its disk may be full), and run the same command again")
		}
		return diag.NewMistake(said, "")
	case errors.As(err, &lost) && isLoopback(host) && !f.insecure:
		return diag.NewMistake(fmt.Sprintf("%s: %s does not answer over HTTPS", at, host), "if the registry on this machine serves plain HTTP, add --insecure")
	case errors.As(err, &lost):
		return diag.NewMistake(fmt.Sprintf("%s: cannot reach the registry: %s", at, diag.Plain(lost.Error())), "run the same command again when it answers")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return diag.NewMistake(at+": the registry cuts its answers short", "run the same command again")
	case errors.Is(err, errRedirects):
		return diag.NewMistake(fmt.Sprintf("%s: %v", at, errRedirects), "check the URL of the registry")
	case errors.Is(err, errPlain):
		return diag.NewMistake(fmt.Sprintf("%s: %v", at, errPlain), "fleetwright sends nothing over plain HTTP, except to this machine with --insecure")
	}
	return fmt.Errorf("%s: %s", at, diag.Plain(err.Error()))
}
