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

// A Player answers in place of Prometheus, load testers and gates. It must support concurrent calls.
type Player interface {
	// Query returns the result of a query, or "" if the query finds no value.
	Query(q Query) (value string)
	// Call reports whether a webhook passes.
	Call(w Webhook) bool
}

// A Query is a query sent to Prometheus.
type Query struct {
	// Server is the URL of the Prometheus, without a path.
	Server string
	Text   string
}

// A Webhook is a call of a webhook.
type Webhook struct {
	URL string
	// Name and Namespace are the Canary's.
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Metadata  map[string]string `json:"metadata"`
}

// Play starts an HTTP proxy that stops with the test, and returns its URL. It answers with the player for
// every host. Flagger uses it through HTTP_PROXY.
func Play(t testing.TB, player Player) string {
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.HasPrefix(r.URL.Path, "/api/v1/") {
			prometheus(out, r, body, player)
			return
		}
		hook := Webhook{URL: r.URL.String()}
		if err := json.Unmarshal(body, &hook); err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
			return
		}
		if !player.Call(hook) {
			http.Error(out, "not yet", http.StatusForbidden) // Flagger does not retry after this status
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func prometheus(out http.ResponseWriter, r *http.Request, body []byte, player Player) {
	text := r.URL.Query().Get("query")
	if text == "" {
		if form, err := url.ParseQuery(string(body)); err == nil {
			text = form.Get("query")
		}
	}
	value := "1"
	if text != "vector(1)" { // Flagger's check of the connection
		value = player.Query(Query{Server: r.URL.Scheme + "://" + r.URL.Host, Text: text})
	}
	result := ""
	if value != "" {
		result = fmt.Sprintf(`{"metric":{},"value":[1545905245.458,%q]}`, value)
	}
	out.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(out, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, result)
}

// A Proxy gives the same answer to every query, and records the requests.
type Proxy struct {
	// URL is the URL of the proxy.
	URL string

	mutex    sync.Mutex
	value    string
	closed   map[string]bool
	queries  []Query
	webhooks []Webhook
}

// StartProxy starts a proxy that stops with the test. Its Prometheus answers 100 to every query, and its
// gates are open.
func StartProxy(t testing.TB) *Proxy {
	p := &Proxy{value: "100", closed: map[string]bool{}}
	p.URL = Play(t, p)
	return p
}

// Answer sets the answer of Prometheus.
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

// Asked returns the queries and webhooks since the last call.
func (p *Proxy) Asked() ([]Query, []Webhook) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	queries, webhooks := p.queries, p.webhooks
	p.queries, p.webhooks = nil, nil
	return queries, webhooks
}

// Query records a query.
func (p *Proxy) Query(q Query) string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.queries = append(p.queries, q)
	return p.value
}

// Call records a webhook.
func (p *Proxy) Call(w Webhook) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.webhooks = append(p.webhooks, w)
	return !p.closed[w.URL]
}
