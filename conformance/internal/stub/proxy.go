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

// A Player says what Prometheus answers, load testers and gates. It is asked by many at
// once.
type Player interface {
	// Query is what Prometheus finds for a query, or nothing where it finds no value.
	Query(q Query) (value string)
	// Call says whether a webhook passes.
	Call(w Webhook) bool
}

// A Query is one that Prometheus was asked.
type Query struct {
	// Server is the URL of the Prometheus, without a path.
	Server string
	Text   string
}

// A Webhook is a call of one.
type Webhook struct {
	URL string
	// Name and Namespace of the Canary.
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Metadata  map[string]string `json:"metadata"`
}

// Play starts an HTTP proxy that ends with the test, and returns its URL. It answers for
// every host name what the player says: it is what Flagger's HTTP_PROXY names.
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
			http.Error(out, "not yet", http.StatusForbidden) // of which no call is tried again
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
	if text != "vector(1)" { // whether it is there
		value = player.Query(Query{Server: r.URL.Scheme + "://" + r.URL.Host, Text: text})
	}
	result := ""
	if value != "" {
		result = fmt.Sprintf(`{"metric":{},"value":[1545905245.458,%q]}`, value)
	}
	out.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(out, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, result)
}

// A Proxy answers every query alike, and records what it is asked.
type Proxy struct {
	// URL of the proxy.
	URL string

	mutex    sync.Mutex
	value    string
	closed   map[string]bool
	queries  []Query
	webhooks []Webhook
}

// StartProxy starts a proxy that ends with the test. Its Prometheus answers 100 to
// every query, and its gates are open.
func StartProxy(t testing.TB) *Proxy {
	p := &Proxy{value: "100", closed: map[string]bool{}}
	p.URL = Play(t, p)
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
