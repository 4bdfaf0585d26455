package registry

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// A Proxy is a proxy in front of a registry that fails on request.
type Proxy struct {
	// Host is the address of the proxy, as references begin.
	Host string

	mutex    sync.Mutex
	failures []failure
	requests []Request
}

// A Request is a request that the proxy received.
type Request struct {
	// N counts the requests from 1, since the start of the proxy or the last Heal.
	N            int
	Method, Path string
	// Query is the part of the URL after the question mark.
	Query string
}

// A Fault handles a request. It calls next to forward it to the registry.
type Fault func(next http.Handler, w http.ResponseWriter, r *http.Request)

// When reports whether a request fails. The proxy calls it for one request at a time.
type When func(r Request) bool

type failure struct {
	when  When
	fault Fault
}

// Proxy starts a proxy in front of the registry. It stops with the test.
func (r *Registry) Proxy(t testing.TB) *Proxy {
	target := &url.URL{Scheme: "http", Host: r.Host}
	behind := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			// The registry's Location headers contain its own address.
			r.Out.Host = r.In.Host
		},
		// Reading sources replaces the default transport with one that reaches nothing
		// (internal/sources/global.go).
		Transport:     &http.Transport{},
		FlushInterval: -1,
		// If the registry is gone or a body ends early, the proxy closes the connection.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p := &Proxy{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault := p.enter(r); fault != nil {
			fault(behind, w, r)
			return
		}
		behind.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	p.Host = server.Listener.Addr().String()
	return p
}

// enter records a request, and returns the matching fault or nil.
func (p *Proxy) enter(r *http.Request) Fault {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	request := Request{N: len(p.requests) + 1, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery}
	p.requests = append(p.requests, request)
	for _, f := range p.failures {
		if f.when(request) {
			return f.fault
		}
	}
	return nil
}

// Fail makes requests fail from now on. The first matching fault applies.
func (p *Proxy) Fail(when When, fault Fault) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.failures = append(p.failures, failure{when, fault})
}

// Heal removes all faults, and returns the requests since the last time.
func (p *Proxy) Heal() []Request {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	requests := p.requests
	p.failures, p.requests = nil, nil
	return requests
}

// After selects every request after the first n.
func After(n int) When {
	return func(r Request) bool { return r.N > n }
}

// On selects the requests of a method whose path contains a text.
func On(method, path string) When {
	return func(r Request) bool { return r.Method == method && strings.Contains(r.Path, path) }
}

// Times selects the first n requests that another When selects.
func Times(n int, when When) When {
	return func(r Request) bool {
		if n == 0 || !when(r) {
			return false
		}
		n--
		return true
	}
}

// codes maps a status to the registry's error code (OCI distribution-spec 1.1, Error codes). Clients retry
// after some of them.
var codes = map[int]string{
	http.StatusUnauthorized: "UNAUTHORIZED", http.StatusForbidden: "DENIED",
	http.StatusRequestEntityTooLarge: "SIZE_INVALID", http.StatusTooManyRequests: "TOOMANYREQUESTS",
}

// Answer answers with a status instead of the registry. Headers are pairs of names and values.
func Answer(status int, headers ...string) Fault {
	return func(_ http.Handler, w http.ResponseWriter, r *http.Request) {
		// Unless the body is read, net/http closes the connection of a large upload.
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"errors":[{"code":%q,"message":"played by a test"}]}`, cmp.Or(codes[status], "UNKNOWN"))
	}
}

// Drop closes the connection without an answer, before the registry gets the request.
func Drop(http.Handler, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// DropRequest closes the connection after the registry has received n bytes of the body, so the request stays
// incomplete.
func DropRequest(n int64) Fault {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, n), iotest.ErrReader(io.ErrUnexpectedEOF)))
		LoseAnswer(next, w, r)
	}
}

// LoseAnswer closes the connection after the registry has answered, so the client does not learn that the
// request succeeded.
func LoseAnswer(next http.Handler, _ http.ResponseWriter, r *http.Request) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// DropResponse closes the connection after the client has received n bytes of the registry's answer. A
// shorter answer is complete.
func DropResponse(n int) Fault {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&brokenWriter{w, n}, r)
	}
}

// Delay delays a request on its way to the registry.
func Delay(d time.Duration) Fault {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(d):
			next.ServeHTTP(w, r)
		}
	}
}

// A brokenWriter ends the connection after a number of bytes.
type brokenWriter struct {
	http.ResponseWriter
	left int // bytes left
}

// Unwrap returns the writer that http.ResponseController flushes.
func (w *brokenWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *brokenWriter) Write(data []byte) (int, error) {
	if len(data) <= w.left {
		w.left -= len(data)
		return w.ResponseWriter.Write(data)
	}
	_, _ = w.ResponseWriter.Write(data[:w.left])
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}
