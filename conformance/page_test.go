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
	"time"

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

// oddNames are documents with names of maximum length and unusual characters.
const oddNames = "testdata/page"

// looks is a script that describes mistakes in the look of a page.
//
//go:embed testdata/page.js
var looks string

// The widths of a phone and a desktop, and the narrowest width that WCAG 2.2 requires (1.4.10).
var (
	widths    = []int64{360, 1280}
	narrowest = int64(320)
)

// The background colours of the page.
var papers = map[string]color.RGBA{"light": {0xff, 0xff, 0xff, 0xff}, "dark": {0x0d, 0x11, 0x17, 0xff}}

// A browser is a tab of Chromium.
type browser struct {
	t   *testing.T
	ctx context.Context

	sync.Mutex
	// messages are the messages on the console, and requests are the URLs that the page requested.
	messages, requests []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(installed(t, "chromium", "chromium")), chromedp.Headless,
		chromedp.NoSandbox) // the sandbox does not work for root
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

// installed returns the path of a program of a Debian package.
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

// show sets the width of the window and the colour scheme.
func (b *browser) show(width int64, scheme string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 800))
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// open opens a file at a fragment, which may be empty.
func (b *browser) open(file, fragment string) {
	b.t.Helper()
	// Leave the page first: navigating to another fragment does not reload it.
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate((&url.URL{Scheme: "file", Path: file, Fragment: fragment}).String()))
}

func (b *browser) press(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		b.do(chromedp.KeyEvent(key))
	}
}

// call runs a command of the browser.
func call[P, R any](b *browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// eval returns the result of a script.
func eval[T any](b *browser, script string) T {
	b.t.Helper()
	result, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// planned returns a file with the output of plan for documents.
func planned(t *testing.T, documents, format string, flags ...string) string {
	t.Helper()
	return printed(t, "plan", documents, format, flags...)
}

// printed returns a file with the output of a command for documents.
func printed(t *testing.T, command, documents, format string, flags ...string) string {
	t.Helper()
	cmd := exec.Command(fleetwright(t), append([]string{command, documents, "--format", format}, flags...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.String())
	}
	return saved(t, command+"."+format, out)
}

func saved(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// onClusters returns the rollouts that the command plans on a cluster or on all, as namespace/name.
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

// pageDocuments maps kinds of pages to their documents: with all strategies, with gates, with no rollouts,
// and with many.
func pageDocuments(t *testing.T, command string) map[string]string {
	t.Helper()
	if command == "fleet" {
		return map[string]string{
			"odd names": oddNames, "many": generated(t, fleetgen.Size{Applications: 60, Clusters: 100, Overrides: true}),
			"waves": "../examples/waves", "differences": "../examples/overrides", "a hub": "../examples/hub",
		}
	}
	return map[string]string{
		"odd names": oddNames, "a fleet": generated(t, fleetgen.Size{Applications: 24, Clusters: 14}), "the guide": "../examples/flagger-guide", "A/B testing": "../examples/istio-ab", "blue/green": "../examples/nginx-blue-green",
	}
}

// generated returns a directory with a fleet of a size.
func generated(t *testing.T, size fleetgen.Size) string {
	t.Helper()
	fleet := t.TempDir()
	files, err := fleetgen.Files(size)
	if err == nil {
		err = fleetgen.Write(fleet, files)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fleet
}

func TestPageLooks(t *testing.T) {
	b := newBrowser(t)
	for _, command := range []string{"plan", "fleet"} {
		for name, documents := range pageDocuments(t, command) {
			file := printed(t, command, documents, "html")
			for _, width := range append(widths, narrowest) {
				for scheme := range papers {
					t.Run(fmt.Sprintf("%s, %s, %d, %s", command, name, width, scheme), func(t *testing.T) {
						record(t, "9. page: fits, contrasts, asks for nothing")
						b.t, b.messages, b.requests = t, nil, nil
						b.show(width, scheme)
						b.open(file, "")
						b.draw(100)
						for _, wrong := range eval[[]string](b, looks) {
							t.Error(wrong)
						}
						b.onlyItself(file)
					})
				}
			}
		}
	}
}

// onlyItself checks that the page requested only itself, and logged nothing.
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

// TestPageFaultsAreSeen breaks pages, and checks that each fault is reported.
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
		{"a script of a stranger", `"use strict";`, `"use strict"; nothing();`, "on the console: .*Content Security Policy"},
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
				t.Errorf("the fault is not reported; reported:\n%s", strings.Join(wrong, "\n"))
			}
		})
	}
}

// shownRollouts is a script that returns the shown rollouts, and the number that the page displays.
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
			t.Errorf("%s, the page shows %q, want %q", when, got, want)
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
			t.Errorf("%s, the page displays %q, want %q", when, got, says)
		}
		for what, script := range map[string]string{
			"applications": `document.querySelectorAll(".application:not([hidden])").length`,
			"links":        `[...document.querySelectorAll("nav li")].filter(part => part.checkVisibility()).length`,
		} {
			applications := eval[int](b, `new Set([...document.querySelectorAll(".rollout:not([hidden])")].map(part => part.parentElement)).size`)
			if got := eval[int](b, script); got != applications {
				t.Errorf("%s, the page shows %d %s of %d applications", when, got, what, applications)
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
	shows("by a link to a hidden part", "", all)
	b.open(file, "cluster=nowhere")
	shows("by a link to a cluster that is none", "", all)
	b.open(file, basket)
	shows("by a link to a rollout", "", all)
	if top := eval[float64](b, `document.getElementById("`+basket+`").getBoundingClientRect().top`); top < 0 || top > 100 {
		t.Errorf("the rollout of the link is at %v of the window", top)
	}
	b.onlyItself(file)
}

// TestPageDrawsWhatIsOpened checks that a page of many rollouts stays small, draws a rollout when it is opened, and prints it.
func TestPageDrawsWhatIsOpened(t *testing.T) {
	record(t, "9. page: draws what is opened")
	const applications = 1000
	fleet := t.TempDir()
	files, err := fleetgen.Files(fleetgen.Size{Applications: applications, Clusters: 12})
	if err == nil {
		err = fleetgen.Write(fleet, files)
	}
	if err != nil {
		t.Fatal(err)
	}
	file := planned(t, fleet, "html")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t)
	b.show(1280, "light")
	b.open(file, "")
	count := eval[int](b, `document.querySelectorAll("details.rollout").length`)
	if most := 1_000_000; count < applications/2 || info.Size() > int64(most) {
		t.Errorf("a page of %d rollouts has %d bytes, want at most %d", count, info.Size(), most)
	}
	if n := eval[int](b, `document.querySelectorAll(".chart").length`); n != 0 {
		t.Errorf("%d charts are drawn before a rollout is opened", n)
	}
	named := eval[int](b, `(document.querySelector(".without details").open = true, parseInt(document.querySelector(".without summary").textContent))`)
	b.await(fmt.Sprintf(`document.querySelector(".without details").textContent.split(", ").length === %d`, named), "an Application without rollouts does not list its clusters")
	begun := time.Now()
	b.draw(30)
	t.Logf("30 rollouts open in %v", time.Since(begun))
	if n := eval[int](b, `document.querySelectorAll("[id]").length - new Set([...document.querySelectorAll("[id]")].map(part => part.id)).size`); n != 0 {
		t.Errorf("%d duplicate ids", n)
	}
	for _, width := range append(widths, narrowest) {
		b.show(width, "dark")
		for _, wrong := range eval[[]string](b, strings.Replace(looks, "part.open = true", "part.open ||= !part.matches('.more')", 1)) {
			t.Error(wrong)
		}
	}
	b.onlyItself(file)
	id := eval[string](b, `document.querySelector(".more").id`)
	b.open(file, id)
	if got := eval[string](b, `document.querySelector(".more[open]")?.id ?? ""`); got != id {
		t.Errorf("a link to %s opens %q", id, got)
	}
	b.awaitDrawn(1)
	drawn := `document.querySelector(".rollout .overview").textContent + [...document.querySelectorAll(".rollout .overview path")].map(path => path.getAttribute("d"))`
	opened := eval[string](b, strings.ReplaceAll(drawn, ".rollout", ".more[open]"))
	b.open(planned(t, fleet, "html", strings.TrimPrefix(id, "rollout/")), "")
	if alone := eval[string](b, drawn); opened != alone {
		t.Errorf("%s is drawn as\n%s\nwhen it is opened, and alone as\n%s", id, opened, alone)
	}
}

// draw opens the last rollouts of a page that draws rollouts when they are opened, and waits for them.
func (b *browser) draw(most int) {
	b.t.Helper()
	b.awaitDrawn(eval[int](b, fmt.Sprintf(`[...document.querySelectorAll(".more")].slice(-%d).map(more => more.open = true).length`, most)))
}

// awaitDrawn waits until the page has drawn as many rollouts.
func (b *browser) awaitDrawn(count int) {
	b.t.Helper()
	b.await(fmt.Sprintf(`document.querySelectorAll(".more[open] > .strategy").length >= %d`, count), "the opened rollouts are not drawn")
}

// await waits until a condition holds on the page, for at most a minute.
func (b *browser) await(condition, otherwise string) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); !eval[bool](b, condition); {
		if time.Now().After(end) {
			b.t.Fatal(otherwise)
		}
	}
}

// tabTo presses Tab until a condition holds, at most once per focusable element.
func (b *browser) tabTo(condition string) {
	b.t.Helper()
	for range eval[int](b, `document.querySelectorAll("a, select, summary").length`) {
		b.press(kb.Tab)
		if eval[bool](b, condition) {
			return
		}
	}
	b.t.Fatalf("Tab never reaches a state where %s", condition)
}

func TestPageOpensByKeyboard(t *testing.T) {
	record(t, "9. page: opens by keyboard")
	b := newBrowser(t)
	for _, width := range widths {
		b.show(width, "dark")
		b.open(planned(t, oddNames, "html"), "")
		count := eval[int](b, `document.querySelectorAll("main details").length`)
		if count < 10 {
			t.Fatalf("%d details", count)
		}
		for i := range count {
			b.tabTo(fmt.Sprintf(`document.activeElement.parentElement === document.querySelectorAll("main details")[%d]`, i))
			if outline := eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`); outline == "none" {
				t.Error("the focus is not visible")
			}
			b.press([]string{kb.Enter, " "}[i%2])
		}
		if got := eval[int](b, `document.querySelectorAll("main details[open]").length`); got != count {
			t.Errorf("%d of %d details are open", got, count)
		}
	}
}

// TestPageIsReadAloud checks the output for a screen reader, with tables as tables and with their rows as
// cards.
func TestPageIsReadAloud(t *testing.T) {
	b := newBrowser(t)
	for _, width := range widths {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			record(t, "9. page: is read aloud")
			b.t = t
			b.show(width, "light")
			b.open(planned(t, oddNames, "html"), "")
			eval[[]string](b, looks) // open all details
			got := b.readAloud()
			for role, want := range map[string][]string{
				"heading": {"rollout plans", "application shops/shop", "shop/basket", "shop/checkout", "gates", "notes", "step by step"},
				"image": {
					"shop/basket, blue/green on istio: 7 checks, one every 24h, then all traffic; the first failed check rolls it back: good version: promoted after 264h, with up to 100% of the traffic as the canary, then all of it through the primary; " +
						"bad at the first check: rolled back after 72h, with up to 0% of the traffic; bad at the last check: rolled back after 240h, with up to 100% of the traffic",
				},
				"table":        {"summary", "good version, step by step", "bad before traffic, step by step", "webhooks and queries"},
				"columnheader": {"version", "backs out in", "exposure", "status", "traffic"},
				"rowheader":    {"good version", "bad before traffic", "confirm-rollout webhook <img src=x onerror=document.title='broken'>"},
				"cell":         {"progressing", "failed check 3", "4.11 traffic-minutes in 8m"},
				"navigation":   {"applications"},
				"combobox":     {"show only cluster"},
				"status":       {""},
				"main":         {""},
				"article":      {"shop/basket", "shop/checkout"},
				"list":         {"clusters"},
			} {
				for _, name := range want {
					if !slices.ContainsFunc(got[role], func(s string) bool { return strings.HasSuffix(s, name) }) {
						t.Errorf("no %s %q in %.2000q", role, name, got[role])
					}
				}
			}
			for role, most := range map[string]int{"main": 1, "navigation": 1, "image": 3} {
				if n := len(got[role]); n != most {
					t.Errorf("%d of %s, want %d", n, role, most)
				}
			}
			if title := eval[string](b, "document.title"); title != "Rollout plans" {
				t.Errorf("the title is %q", title)
			}
		})
	}
}

// readAloud returns the output for a screen reader: the names of the page's parts by role.
func (b *browser) readAloud() map[string][]string {
	b.t.Helper()
	tree := call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	got := map[string][]string{}
	for _, node := range tree.Nodes {
		if node.Ignored || node.Role == nil {
			continue
		}
		role, name, description := text(b.t, node.Role), text(b.t, node.Name), text(b.t, node.Description)
		if role == "image" || role == "graphics-document" {
			name += ": " + description
		}
		got[role] = append(got[role], strings.ToLower(name))
	}
	return got
}

// text returns the text of a value in the accessibility tree.
func text(t *testing.T, v *accessibility.Value) (s string) {
	t.Helper()
	if v != nil && len(v.Value) > 0 {
		if err := json.Unmarshal(v.Value, &s); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestFleetPageIsReadAloudAndPrinted checks the output for a screen reader for the page of a fleet, and its
// print, with nothing opened.
func TestFleetPageIsReadAloudAndPrinted(t *testing.T) {
	pdftotext := installed(t, "pdftotext", "poppler-utils")
	b := newBrowser(t)
	file := printed(t, "fleet", generated(t, fleetgen.Size{Applications: 12, Clusters: 14, Overrides: true}), "html")
	for _, width := range widths {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			record(t, "9. page: a fleet is read aloud and printed")
			b.t = t
			b.show(width, "dark")
			b.open(file, "")
			got := b.readAloud()
			for role, want := range map[string][]string{
				"heading":      {"fleet", "fleet fleets/kuma", "applications", "differences", "usual order"},
				"image":        {"order of fleet fleets/kuma: 1 infrastructure; 2 mesh after 1; 3 shared after 2"},
				"table":        {"clusters that get the same", "applications"},
				"columnheader": {"clusters", "labels", "differs in", "version", "rollout"},
				"rowheader":    {"fleets/accounts-00000"},
				"cell":         {"region=eu, stage=production", "branch main"},
				"main":         {""},
			} {
				for _, name := range want {
					if !slices.ContainsFunc(got[role], func(s string) bool { return strings.Contains(s, name) }) {
						t.Errorf("no %s %q in %.2000q", role, name, got[role])
					}
				}
			}
			pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
			if err != nil {
				t.Fatal(err)
			}
			onPaper, err := exec.Command(pdftotext, "-raw", saved(t, "fleet.pdf", pdf), "-").Output()
			if err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(string(onPaper), "-\n", "-") // a line may break within a name
			for i := range 14 {                                     // including those that are folded on a screen
				if name := fmt.Sprintf("kuma-%s-%04d", []string{"eu", "us", "ap"}[i%3], i); !strings.Contains(text, name) {
					t.Errorf("the cluster %s is not on paper", name)
				}
			}
		})
	}
}

// TestPagePrints prints a page with nothing opened, with and without scripts.
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
			onPaper, err := exec.Command(pdftotext, "-raw", saved(t, "plan.pdf", pdf), "-").Output()
			if err != nil {
				t.Fatal(err)
			}
			if !scripts {
				call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{})
				if got, want := eval[[]string](b, shownRollouts), onClusters(t, oddNames); !slices.Equal(got, want) {
					t.Errorf("without scripts, the page shows %q, want %q", got, want)
				}
			}
			// Tables are printed side by side, so the test counts words.
			counts := map[string]int{}
			for _, word := range strings.Fields(string(onPaper)) {
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
			if strings.Contains(string(onPaper), "Show only cluster") {
				t.Error("the filter is on paper")
			}
			if !strings.Contains(string(onPaper), "<img src=x") {
				t.Error("the gates are not on paper")
			}
		})
	}
}

// TestDrawing shows the drawing in Chromium as an image of another page.
func TestDrawing(t *testing.T) {
	b := newBrowser(t)
	for name, of := range map[string]struct{ command, documents string }{
		"odd names": {"plan", oddNames}, "the guide": {"plan", "../examples/flagger-guide"}, "nothing": {"plan", "../examples/cluster-selectors"},
		"a fleet of odd names": {"fleet", oddNames}, "a fleet": {"fleet", "../examples/waves"},
	} {
		t.Run(name, func(t *testing.T) {
			record(t, "9. drawing: well-formed, on light and dark")
			b.t = t
			file := printed(t, of.command, of.documents, "svg")
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
					t.Fatalf("the image is %v", size)
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
