package conformance

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestSite builds the documentation site, which fails on broken links. The pages must fit the narrowest
// window, in light and dark mode, request nothing from other hosts, and be found by the search.
func TestSite(t *testing.T) {
	make := exec.Command("make", "-C", "..", "site")
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", make, err, out)
	}
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir("../out/site")))
	t.Cleanup(server.Close)
	b := newBrowser(t)
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		for scheme := range papers {
			t.Run(name+", "+scheme, func(t *testing.T) {
				record(t, "9. site: fits, asks for nothing from elsewhere")
				b.t, b.messages, b.requests = t, nil, nil
				b.show(narrowest, scheme)
				b.do(chromedp.Navigate(server.URL + "/" + name + ".html"))
				if wide := eval[int64](b, "document.documentElement.scrollWidth"); wide > narrowest {
					t.Errorf("the page is %d wide", wide)
				}
				if dark := eval[bool](b, "document.documentElement.classList.contains('dark')"); dark != (scheme == "dark") {
					t.Errorf("dark is %t", dark)
				}
				b.onlyFrom(server.URL)
			})
		}
	}
	t.Run("search", func(t *testing.T) {
		record(t, "9. site: a code is found")
		b.t, b.messages, b.requests = t, nil, nil
		b.show(widths[1], "light")
		b.do(chromedp.Navigate(server.URL+"/waves.html"), chromedp.Click("#local-search button"), chromedp.SendKeys("#localsearch-input", "FW350"))
		const first = ".VPLocalSearchBox .result.selected"
		b.do(chromedp.WaitVisible(first))
		if to := eval[string](b, `document.querySelector("`+first+`").href`); to != server.URL+"/diagnostics.html#fw350" {
			t.Errorf("FW350 is found at %s", to)
		}
		b.onlyFrom(server.URL)
	})
}

// onlyFrom checks that the page requested everything from one server, and logged nothing.
func (b *browser) onlyFrom(server string) {
	b.t.Helper()
	b.Lock()
	defer b.Unlock()
	for _, request := range b.requests {
		if !strings.HasPrefix(request, server+"/") && !strings.HasPrefix(request, "data:") {
			b.t.Errorf("the page asks for %s", request)
		}
	}
	for _, message := range b.messages {
		b.t.Errorf("on the console: %s", message)
	}
}
