package conformance

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/fleetwright/fleetwright/internal/fleetgen"
)

// oddNames are documents whose names are as long and as odd as they may be.
const oddNames = "testdata/page"

// looks says what is wrong with how a page looks.
//
//go:embed testdata/page.js
var looks string

// The widths of a phone and of a desk, and the narrowest that WCAG 2.2 asks for (1.4.10).
var (
	widths    = []int64{360, 1280}
	narrowest = int64(320)
)

// The colours of the paper.
var papers = map[string]color.RGBA{"light": {0xff, 0xff, 0xff, 0xff}, "dark": {0x0d, 0x11, 0x17, 0xff}}

// A browser is a tab of Chromium.
type browser struct {
	t   *testing.T
	ctx context.Context

	sync.Mutex
	// messages are what is on the console, and requests what the page has asked for.
	messages, requests []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(installed(t, "chromium", "chromium")), chromedp.Headless,
		chromedp.NoSandbox) // which root cannot have
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx}
	err := chromedp.Listen(ctx, func(event any) {
		b.Lock()
		defer b.Unlock()
		switch event := event.(type) {
		case *network.EventRequestWillBeSent:
			b.requests = append(b.requests, event.Request.URL)
		case *runtime.EventExceptionThrown:
			b.messages = append(b.messages, event.ExceptionDetails.Exception.Description)
		case *runtime.EventConsoleAPICalled:
			b.messages = append(b.messages, fmt.Sprintf("console.%s", event.Type))
		case *cdplog.EventEntryAdded:
			b.messages = append(b.messages, event.Entry.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// installed is the path of a program that Debian has in a package.
func installed(t *testing.T, program, pkg string) string {
	t.Helper()
	file, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%v: on Debian, as root, apt-get install %s", err, pkg)
	}
	return file
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// show is a window of a width, in a colour scheme.
func (b *browser) show(width int64, scheme string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 800))
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// open goes to a file, at a fragment that may be empty.
func (b *browser) open(file, fragment string) {
	b.t.Helper()
	// From elsewhere, since to another fragment of a page it is not loaded anew.
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate((&url.URL{Scheme: "file", Path: file, Fragment: fragment}).String()))
}

func (b *browser) press(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		b.do(chromedp.KeyEvent(key))
	}
}

// call has the browser do something.
func call[P, R any](b *browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// eval is what a script gives.
func eval[T any](b *browser, script string) T {
	b.t.Helper()
	result, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// planned is what the command prints of the plans of documents, as a file.
func planned(t *testing.T, documents, format string, flags ...string) string {
	t.Helper()
	cmd := exec.Command(fleetwright(t), append([]string{"plan", documents, "--format", format}, flags...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.String())
	}
	return saved(t, "plan."+format, out)
}

func saved(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// onClusters are the rollouts, as namespace/name, that the command plans on a cluster, or on all.
func onClusters(t *testing.T, documents string, flags ...string) (names []string) {
	t.Helper()
	data, err := os.ReadFile(planned(t, documents, "json", flags...))
	if err != nil {
		t.Fatal(err)
	}
	var plans struct {
		Rollouts []struct{ Namespace, Name string }
	}
	if err := json.Unmarshal(data, &plans); err != nil {
		t.Fatal(err)
	}
	for _, r := range plans.Rollouts {
		names = append(names, r.Namespace+"/"+r.Name)
	}
	return names
}

// pageDocuments are documents by what they are: with all strategies, with gates, with
// none, and many.
func pageDocuments(t *testing.T) map[string]string {
	t.Helper()
	fleet := t.TempDir()
	files, err := fleetgen.Files(fleetgen.Size{Applications: 24, Clusters: 14})
	if err == nil {
		err = fleetgen.Write(fleet, files)
	}
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"odd names": oddNames, "a fleet": fleet, "the guide": "../examples/flagger-guide", "A/B testing": "../examples/istio-ab", "blue/green": "../examples/nginx-blue-green",
	}
}

func TestPageLooks(t *testing.T) {
	b := newBrowser(t)
	for name, documents := range pageDocuments(t) {
		file := planned(t, documents, "html")
		for _, width := range append(widths, narrowest) {
			for scheme := range papers {
				t.Run(fmt.Sprintf("%s, %d, %s", name, width, scheme), func(t *testing.T) {
					record(t, "9. page: fits, contrasts, asks for nothing")
					b.t, b.messages, b.requests = t, nil, nil
					b.show(width, scheme)
					b.open(file, "")
					for _, wrong := range eval[[]string](b, looks) {
						t.Error(wrong)
					}
					b.onlyItself(file)
				})
			}
		}
	}
}

// onlyItself checks that the page has asked for nothing but itself and said nothing.
func (b *browser) onlyItself(file string) {
	b.t.Helper()
	b.Lock()
	defer b.Unlock()
	for _, request := range b.requests {
		if request != "about:blank" && request != "file://"+file {
			b.t.Errorf("the page asks for %s", request)
		}
	}
	if len(b.requests) == 0 {
		b.t.Error("no request was seen, not even for the page")
	}
	for _, message := range b.messages {
		b.t.Errorf("on the console: %s", message)
	}
}

// TestPageFaultsAreSeen breaks pages on purpose.
func TestPageFaultsAreSeen(t *testing.T) {
	b := newBrowser(t)
	page, err := os.ReadFile(planned(t, oddNames, "html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range []struct{ name, old, new, want string }{
		{"pale text", "--quiet: #59636e", "--quiet: #9198a1", `contrast 2\.\d\d of .*, want 4.5`},
		{"a pale line", ".failsFirst { stroke: #a40e26", ".failsFirst { stroke: #ffb3ad", `failsFirst: contrast 1\.\d\d of .*, want 3`},
		{"lines of one colour", ".failsLast { stroke: #512a97", ".failsLast { stroke: #1a7f37", "what fails last on what is good: contrast"},
		{"lines of one kind", ".run.failsLast { stroke-dasharray: 2.5 3; }", "", "told apart by their colours alone"},
		{"a wide table", "font-size: .875rem; line-height: 1.4; width: 100%", "width: 90rem", "the page is .* wide"},
		{"long names in one line", "overflow-wrap: anywhere", "white-space: nowrap", "the page is .* wide"},
		{"a large legend", ".chart { font: 13px", ".chart { font: 17px", "is not inside|is on"},
		{"a small chart", ".chart { display: block; width: 100%", ".chart { display: block; width: 60%", "12 is .* pixels"},
		{"a picture from elsewhere", "<main", `<img alt="" src="http://192.0.2.1/x.png"><main`, "on the console: .*Content Security Policy"},
		{"a script that fails", `"use strict";`, `"use strict"; nothing();`, "on the console: .*nothing is not defined"},
	} {
		t.Run(fault.name, func(t *testing.T) {
			record(t, "9. page: what is broken is seen")
			broken := strings.Replace(string(page), fault.old, fault.new, 1)
			if broken == string(page) {
				t.Fatalf("%q is not in the page", fault.old)
			}
			b.t, b.messages, b.requests = t, nil, nil
			b.show(360, "light")
			b.open(saved(t, "plan.html", []byte(broken)), "")
			wrong := eval[[]string](b, looks)
			b.Lock()
			defer b.Unlock()
			for _, message := range b.messages {
				wrong = append(wrong, "on the console: "+message)
			}
			if !regexp.MustCompile(fault.want).MatchString(strings.Join(wrong, "\n")) {
				t.Errorf("not seen; found is\n%s", strings.Join(wrong, "\n"))
			}
		})
	}
}

// shownRollouts are what the page shows, and what it says how many there are.
const shownRollouts = `[...document.querySelectorAll(".rollout")].filter(part => part.checkVisibility()).map(part => part.querySelector("h3").textContent)`

func TestPageFilters(t *testing.T) {
	record(t, "9. page: filters by keyboard")
	b := newBrowser(t)
	file := planned(t, oddNames, "html")
	all := onClusters(t, oddNames)
	b.show(1280, "light")
	b.open(file, "")
	shows := func(when, cluster string, want []string) {
		t.Helper()
		got := eval[[]string](b, shownRollouts)
		if !slices.Equal(got, want) {
			t.Errorf("%s, it shows %q, want %q", when, got, want)
		}
		if chosen := eval[string](b, `document.getElementById("cluster").value`); chosen != cluster {
			t.Errorf("%s, %q is chosen, want %q", when, chosen, cluster)
		}
		rollouts := "rollouts"
		if len(want) == 1 {
			rollouts = "rollout"
		}
		says := fmt.Sprintf("%d %s on 4 clusters", len(want), rollouts)
		if cluster != "" {
			says = fmt.Sprintf("%d %s on %s", len(want), rollouts, cluster)
		}
		if got := eval[string](b, `document.getElementById("count").textContent`); got != says {
			t.Errorf("%s, it says %q, want %q", when, got, says)
		}
		for what, script := range map[string]string{
			"applications": `document.querySelectorAll(".application:not([hidden])").length`,
			"links":        `[...document.querySelectorAll("nav li")].filter(part => part.checkVisibility()).length`,
		} {
			applications := eval[int](b, `new Set([...document.querySelectorAll(".rollout:not([hidden])")].map(part => part.parentElement)).size`)
			if got := eval[int](b, script); got != applications {
				t.Errorf("%s, it shows %d %s of %d applications", when, got, what, applications)
			}
		}
	}
	shows("at first", "", all)

	b.tabTo(`document.activeElement.id === "cluster"`)
	b.press(kb.ArrowDown, kb.ArrowDown)
	shows("after two arrows", "eu-1", onClusters(t, oddNames, "--cluster", "eu-1"))
	b.press("u", "s")
	us := onClusters(t, oddNames, "--cluster", "us-1")
	shows("after typing", "us-1", us)
	if len(us) == len(all) {
		t.Errorf("on us-1 are all %d rollouts: nothing was hidden", len(us))
	}
	if got := eval[string](b, "location.hash"); got != "#cluster=us-1" {
		t.Errorf("the fragment is %q", got)
	}
	b.press(kb.Home)
	shows("after Home", "", all)

	b.open(file, "cluster=eu-2")
	shows("by a link to a cluster", "eu-2", onClusters(t, oddNames, "--cluster", "eu-2"))
	basket := "rollout/shop/basket"
	b.do(chromedp.Evaluate[chromedp.Void](`void (location.hash = "cluster=us-1")`))
	shows("by a link on the page", "us-1", us)
	b.do(chromedp.Evaluate[chromedp.Void](`void (location.hash = "` + basket + `")`))
	shows("by a link to what is not shown", "", all)
	b.open(file, "cluster=nowhere")
	shows("by a link to a cluster that is none", "", all)
	b.open(file, basket)
	shows("by a link to a rollout", "", all)
	if top := eval[float64](b, `document.getElementById("`+basket+`").getBoundingClientRect().top`); top < 0 || top > 100 {
		t.Errorf("the rollout of the link is at %v of the window", top)
	}
	b.onlyItself(file)
}

// tabTo presses Tab until something holds, as often as there is something to come to.
func (b *browser) tabTo(condition string) {
	b.t.Helper()
	for range eval[int](b, `document.querySelectorAll("a, select, summary").length`) {
		b.press(kb.Tab)
		if eval[bool](b, condition) {
			return
		}
	}
	b.t.Fatalf("Tab does not come to where %s", condition)
}

func TestPageOpensByKeyboard(t *testing.T) {
	record(t, "9. page: opens by keyboard")
	b := newBrowser(t)
	for _, width := range widths {
		b.show(width, "dark")
		b.open(planned(t, oddNames, "html"), "")
		count := eval[int](b, `document.querySelectorAll("main details").length`)
		if count < 10 {
			t.Fatalf("there are %d details", count)
		}
		for i := range count {
			b.tabTo(fmt.Sprintf(`document.activeElement.parentElement === document.querySelectorAll("main details")[%d]`, i))
			if outline := eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`); outline == "none" {
				t.Error("it is not seen what has the focus")
			}
			b.press([]string{kb.Enter, " "}[i%2])
		}
		if got := eval[int](b, `document.querySelectorAll("main details[open]").length`); got != count {
			t.Errorf("%d of %d details are open", got, count)
		}
	}
}

// TestPageIsReadAloud looks at what a screen reader gets, where tables are tables and
// where their rows are cards.
func TestPageIsReadAloud(t *testing.T) {
	b := newBrowser(t)
	for _, width := range widths {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			record(t, "9. page: is read aloud")
			b.t = t
			b.show(width, "light")
			b.open(planned(t, oddNames, "html"), "")
			eval[[]string](b, looks) // opens all
			tree := call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
			got := map[string][]string{}
			for _, node := range tree.Nodes {
				if node.Ignored || node.Role == nil {
					continue
				}
				role, name, description := text(t, node.Role), text(t, node.Name), text(t, node.Description)
				if role == "image" || role == "graphics-document" {
					name += ": " + description
				}
				got[role] = append(got[role], strings.ToLower(name))
			}
			for role, want := range map[string][]string{
				"heading": {"rollout plans", "application shops/shop", "shop/basket", "shop/checkout", "gates", "notes", "step by step"},
				"image": {
					"shop/basket, blue/green on istio: 7 checks, one every 24h, then all traffic; the first failed check undoes it: good version: promoted after 264h, with up to 100% of the traffic; " +
						"bad at the first check: rolled back after 72h, with up to 0% of the traffic; bad at the last check: rolled back after 240h, with up to 100% of the traffic",
				},
				"table":        {"summary", "good version, step by step", "bad before traffic, step by step", "webhooks and queries"},
				"columnheader": {"version", "backs out in", "exposure", "status", "traffic"},
				"rowheader":    {"good version", "bad before traffic", "confirm-rollout webhook <img src=x onerror=document.title='broken'>"},
				"cell":         {"progressing", "failed check 3", "4.11 traffic-minutes in 8m"},
				"navigation":   {"applications"},
				"combobox":     {"show what is on cluster"},
				"status":       {""},
				"main":         {""},
				"article":      {"shop/basket", "shop/checkout"},
				"list":         {"clusters"},
			} {
				for _, name := range want {
					if !slices.ContainsFunc(got[role], func(s string) bool { return strings.HasSuffix(s, name) }) {
						t.Errorf("there is no %s %q, but %.2000q", role, name, got[role])
					}
				}
			}
			for role, most := range map[string]int{"main": 1, "navigation": 1, "image": 3} {
				if n := len(got[role]); n != most {
					t.Errorf("there are %d of %s, want %d", n, role, most)
				}
			}
			if title := eval[string](b, "document.title"); title != "Rollout plans" {
				t.Errorf("the title is %q", title)
			}
		})
	}
}

// text is that of a value of the accessibility tree.
func text(t *testing.T, v *accessibility.Value) (s string) {
	t.Helper()
	if v != nil && len(v.Value) > 0 {
		if err := json.Unmarshal(v.Value, &s); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestPagePrints prints a page of which nothing was opened, also where scripts do not run.
func TestPagePrints(t *testing.T) {
	pdftotext := installed(t, "pdftotext", "poppler-utils")
	for _, scripts := range []bool{true, false} {
		t.Run(fmt.Sprintf("scripts %t", scripts), func(t *testing.T) {
			record(t, "9. page: prints")
			b := newBrowser(t)
			b.show(1280, "dark")
			call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
			b.open(planned(t, oddNames, "html"), "")
			pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
			if err != nil {
				t.Fatal(err)
			}
			printed, err := exec.Command(pdftotext, "-raw", saved(t, "plan.pdf", pdf), "-").Output()
			if err != nil {
				t.Fatal(err)
			}
			if !scripts {
				call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{})
				if got, want := eval[[]string](b, shownRollouts), onClusters(t, oddNames); !slices.Equal(got, want) {
					t.Errorf("without scripts it shows %q, want %q", got, want)
				}
			}
			// Tables stand side by side, so it is the words that are counted.
			counts := map[string]int{}
			for _, word := range strings.Fields(string(printed)) {
				counts[strings.ToLower(word)]++
			}
			want := map[string]int{}
			for _, cell := range eval[[]string](b, `[...document.querySelectorAll(".steps td, .steps th[scope=col], .summary td")].map(part => part.textContent)`) {
				for _, word := range strings.Fields(cell) {
					want[strings.ToLower(word)]++
				}
			}
			if want["failed"] < 5 {
				t.Fatalf("the tables have the words %v", want)
			}
			for word, n := range want {
				if counts[word] < n {
					t.Errorf("%q is %d times in the tables and %d times on paper", word, n, counts[word])
				}
			}
			if strings.Contains(string(printed), "Show what is on") {
				t.Error("the filter is on paper")
			}
			if !strings.Contains(string(printed), "<img src=x") {
				t.Error("the gates are not on paper")
			}
		})
	}
}

// TestDrawing has Chromium show the drawing as a picture of another page.
func TestDrawing(t *testing.T) {
	b := newBrowser(t)
	for name, documents := range map[string]string{"odd names": oddNames, "the guide": "../examples/flagger-guide", "nothing": "../examples/cluster-selectors"} {
		t.Run(name, func(t *testing.T) {
			record(t, "9. drawing: well-formed, on light and dark")
			b.t = t
			file := planned(t, documents, "svg")
			drawing, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			decoder := xml.NewDecoder(bytes.NewReader(drawing))
			for {
				if _, err := decoder.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			host := saved(t, "host.html", []byte(`<!DOCTYPE html><title>host</title><style>:root { color-scheme: light dark } body { margin: 0 }</style><img alt="" src="`+file+`">`))
			for scheme, paper := range papers {
				b.show(360, scheme)
				b.open(host, "")
				if size := eval[[]int](b, `[document.images[0].naturalWidth, document.images[0].naturalHeight]`); size[0] < 300 || size[1] < 50 {
					t.Fatalf("it is %v", size)
				}
				picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
				if err != nil {
					t.Fatal(err)
				}
				image, err := png.Decode(bytes.NewReader(picture))
				if err != nil {
					t.Fatal(err)
				}
				if got := color.RGBAModel.Convert(image.At(2, 2)); got != paper {
					t.Errorf("%s: the paper is %v, want %v", scheme, got, paper)
				}
			}
		})
	}
}
