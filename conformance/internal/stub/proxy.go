package stub

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// A Proxy answers for every host name: it is what Flagger's HTTP_PROXY names. It
// plays Prometheus, load testers and gates, and records what they are asked.
type Proxy struct {
	// URL of the proxy.
	URL string

	mutex    sync.Mutex
	value    string
	closed   map[string]bool
	queries  []Query
	webhooks []Webhook
}

// A Query is one that Prometheus was asked.
type Query struct {
	// Server is the URL of the Prometheus, without a path.
	Server string
	Text   string
}

// A Webhook is a call of one.
type Webhook struct {
	URL      string
	Name     string            `json:"name"`
	Metadata map[string]string `json:"metadata"`
}

// StartProxy starts a proxy that ends with the test. Its Prometheus answers 100 to
// every query, and its gates are open.
func StartProxy(t testing.TB) *Proxy {
	p := &Proxy{value: "100", closed: map[string]bool{}}
	server := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// Answer sets what Prometheus answers.
func (p *Proxy) Answer(value string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.value = value
}

// Gate closes or opens the webhook of a URL.
func (p *Proxy) Gate(url string, open bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.closed[url] = !open
}

// Asked is what was recorded since the last call.
func (p *Proxy) Asked() ([]Query, []Webhook) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	queries, webhooks := p.queries, p.webhooks
	p.queries, p.webhooks = nil, nil
	return queries, webhooks
}

func (p *Proxy) serve(out http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if strings.HasPrefix(r.URL.Path, "/api/v1/") {
		p.prometheus(out, r, body)
		return
	}
	hook := Webhook{URL: r.URL.String()}
	if err := json.Unmarshal(body, &hook); err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	p.webhooks = append(p.webhooks, hook)
	if p.closed[hook.URL] {
		http.Error(out, "not yet", http.StatusForbidden)
	}
}

func (p *Proxy) prometheus(out http.ResponseWriter, r *http.Request, body []byte) {
	text := r.URL.Query().Get("query")
	if text == "" {
		if form, err := url.ParseQuery(string(body)); err == nil {
			text = form.Get("query")
		}
	}
	value := p.value
	if text == "vector(1)" {
		value = "1" // whether it is there
	} else {
		p.queries = append(p.queries, Query{Server: r.URL.Scheme + "://" + r.URL.Host, Text: text})
	}
	out.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(out, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1545905245.458,%q]}]}}`, value)
}
