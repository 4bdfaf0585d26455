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

// Scheme begins the URL of a fleet's artifacts, as in Flux.
const Scheme = "oci://"

// IsURL reports whether an output is a registry, and not a directory.
func IsURL(output string) bool { return strings.HasPrefix(output, Scheme) }

// A Fleet is where the artifacts of clusters are: each in a repository of its own below one path.
type Fleet struct {
	// url begins with the scheme.
	url    string
	prefix name.Repository
	puller *remote.Puller
	pusher *remote.Pusher
	// options are those of what neither puller nor pusher does.
	options  []remote.Option
	insecure bool
}

// Options of the access to a registry.
type Options struct {
	// Insecure allows plain HTTP, to this machine alone.
	Insecure bool
	// UserAgent names the program to the registry.
	UserAgent string
}

// Open returns the fleet at a URL, such as oci://registry.example.com/fleet. It asks the registry nothing.
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
		return nil, diag.NewMistake(url+" names a tag or a digest", "omit it: each cluster has a repository of its own below the path, with its own tags")
	}
	if opts.Insecure && !isLoopback(host) {
		return nil, diag.NewMistake("--insecure is for a registry on this machine, and "+host+" may be another", "omit it: the registry must serve HTTPS")
	}
	f := &Fleet{url: url, insecure: opts.Insecure}
	prefix, err := name.NewRepository(path, f.nameOptions()...)
	if err == nil && !pathForm().MatchString(below) {
		err = errors.New("its path needs names of lower-case letters, digits, '.', '_' and '-', parted by slashes")
	}
	if isDefault := prefix.RegistryStr() == name.DefaultRegistry; err != nil || isDefault && !strings.HasSuffix(host, "docker.io") {
		return nil, diag.NewMistake(url+" is not the URL of a registry", cmp.Or(reason(err), "its host needs a dot or a port")+"; "+example)
	}
	f.prefix = prefix
	// Asked once: each cluster's repository would run a credential helper again.
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

// backoff is how often a request is tried that fails for a reason which may pass: after 1, 3 and 9 seconds.
var backoff = remote.Backoff{Duration: time.Second, Factor: 3, Jitter: 0.1, Steps: 4}

// answerWithin is how long a registry may be silent before a request counts as failed.
const answerWithin = 2 * time.Minute

// newTransport returns a transport that sends nothing over plain HTTP unless that is allowed. The library would
// try it with hosts that look local.
func newTransport(insecure bool) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = atOnce
	t.ResponseHeaderTimeout = answerWithin
	if insecure {
		return schemeTransport{t, "http"}
	}
	return schemeTransport{t, "https"}
}

// A schemeTransport sends requests with one scheme of URLs, and no others.
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

// mostRedirects are followed of one request, as by net/http, whose check the library replaces.
const mostRedirects = 10

var errRedirects = errors.New("the registry redirects again and again")

var (
	errPlain = errors.New("the registry asks for plain HTTP")
	errHTTPS = errors.New("not tried over HTTPS")
)

// A lostRequest is why a request has had no answer. The library puts URLs before it, which may have credentials.
type lostRequest struct{ error }

func (e *lostRequest) Unwrap() error { return e.error }

// Temporary reports whether the library sends the request again.
func (e *lostRequest) Temporary() bool {
	var t interface{ Temporary() bool }
	return errors.As(e.error, &t) && t.Temporary()
}

// repository returns that of a cluster.
func (f *Fleet) repository(cluster string) (name.Repository, error) {
	if !pathForm().MatchString(cluster) || strings.Contains(cluster, "/") {
		return name.Repository{}, diag.NewMistake(fmt.Sprintf("%q is not the name of a cluster", cluster), "name one of the inputs")
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

// pathForm is what the path of a repository may be (OCI distribution-spec 1.1, Pulling manifests).
var pathForm = lazyregexp.New(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)

// tagForm is what a tag may be (OCI distribution-spec 1.1, Pulling manifests).
var tagForm = lazyregexp.New(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// CheckTag returns why an artifact cannot get a tag beside its commits, or nil.
func CheckTag(tag string) error {
	switch {
	case !tagForm().MatchString(tag):
		return diag.NewMistake(fmt.Sprintf("%q is not a tag", tag), "write at most 128 letters, digits, '.', '_' and '-', beginning with a letter, a digit or '_'")
	case strings.HasPrefix(tag, "sha256-"):
		return diag.NewMistake("the tag "+tag+" is of a signature", "cosign has such tags, which lead to no artifact of a cluster")
	case isCommit(tag):
		return diag.NewMistake("the tag "+tag+" is a commit", "publish that commit: every artifact has its commit as a tag")
	}
	return nil
}

// isMissing reports whether a registry has no such repository, tag or blob.
func isMissing(err error) bool {
	var refused *transport.Error
	return errors.As(err, &refused) && refused.StatusCode == http.StatusNotFound
}

// explain returns an error of a request about a cluster for people.
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
		// Who refuses credentials may repeat them.
		isLogin := refused.StatusCode == http.StatusUnauthorized || refused.StatusCode == http.StatusForbidden
		if len(refused.Errors) > 0 && !isLogin {
			said += ": " + diag.Plain(refused.Errors[0].Message)
		}
		switch refused.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return diag.NewMistake(said, "log in to "+host+" as somebody who may pull and push there: docker login, podman login or crane auth login")
		case http.StatusMethodNotAllowed:
			return diag.NewMistake(said, "the registry may be read-only, such as a mirror: publish to the one behind it")
		case http.StatusNotFound:
			return diag.NewMistake(said, "some registries want each repository created first: create it, and run the same command again")
		case http.StatusInsufficientStorage, http.StatusRequestEntityTooLarge:
			return diag.NewMistake(said, "free space in the registry, or raise its quota, and run the same command again")
		case http.StatusTooManyRequests:
			return diag.NewMistake(said, "wait, and run the same command again")
		}
		if refused.StatusCode >= http.StatusInternalServerError {
			return diag.NewMistake(said, "look at the registry's log, since its disk may be full, and run the same command again")
		}
		return diag.NewMistake(said, "")
	case errors.As(err, &lost) && isLoopback(host) && !f.insecure:
		return diag.NewMistake(fmt.Sprintf("%s: %s does not answer over HTTPS", at, host), "a registry on this machine may be reached over plain HTTP: add --insecure")
	case errors.As(err, &lost):
		return diag.NewMistake(fmt.Sprintf("%s: cannot reach the registry: %s", at, diag.Plain(lost.Error())), "run the same command again when it answers")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return diag.NewMistake(at+": the registry cuts its answers", "run the same command again")
	case errors.Is(err, errRedirects):
		return diag.NewMistake(fmt.Sprintf("%s: %v", at, errRedirects), "check the URL of the registry")
	case errors.Is(err, errPlain):
		return diag.NewMistake(fmt.Sprintf("%s: %v", at, errPlain), "fleetwright sends nothing over plain HTTP, except to this machine with --insecure")
	}
	return fmt.Errorf("%s: %s", at, diag.Plain(err.Error()))
}
