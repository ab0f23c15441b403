package browsertest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Tab is the device and the settings with which a user opens a page.
type Tab struct {
	// Phone is a small screen, touched with a finger, with a phone's user agent.
	Phone bool
	// UserAgent replaces the browser's, for a browser inside an app.
	UserAgent string
	// Language is what the browser asks for, such as nl. Default en.
	Language string
	// NoScript switches JavaScript off.
	NoScript bool
}

// Page is a tab of a browser.
type Page struct {
	t        testing.TB
	ctx      context.Context
	mu       sync.Mutex
	problems []string
}

// Open opens a tab in a window of its own, which shares no cookies with any other.
func (b *Browser) Open(t testing.TB, as Tab) *Page {
	t.Helper()
	var options []chromedp.ContextOption
	if !b.bare {
		options = append(options, chromedp.WithNewBrowserContext())
	}
	return open(t, b.ctx, as, options...)
}

// Beside opens another tab of the same window, with the same cookies.
func (p *Page) Beside(as Tab) *Page {
	p.t.Helper()
	return open(p.t, p.ctx, as)
}

func open(t testing.TB, parent context.Context, as Tab, options ...chromedp.ContextOption) *Page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	t.Cleanup(cancel)
	p := &Page{t: t, ctx: ctx}
	p.do() // opens the tab, which outlives the patience so that a failure can describe it
	p.ctx, cancel = context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	p.must(chromedp.Listen(p.ctx, p.listen))
	call(p, audits.Enable, cdp.Empty{})
	call(p, emulation.SetUserAgentOverride, as.identity())
	if as.NoScript {
		p.Scripts(false)
	}
	p.Resize(as.Phone)
	// Before the tab closes.
	t.Cleanup(func() {
		for _, problem := range p.Problems() {
			t.Errorf("the browser reports: %s", problem)
		}
	})
	return p
}

// userAgents are a desktop's and a phone's.
var userAgents = map[bool]string{
	false: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
	true:  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
}

func (as Tab) identity() emulation.SetUserAgentOverrideParams {
	language := as.Language
	if language == "" {
		language = "en"
	}
	agent := as.UserAgent
	if agent == "" {
		agent = userAgents[as.Phone]
	}
	return emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: language}
}

// listen records what the browser complains about. It leaves HTTP errors to the test.
func (p *Page) listen(event any) {
	switch e := event.(type) {
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			p.note(fmt.Sprintf("Content-Security-Policy: %s violates %s", d.BlockedURL, d.ViolatedDirective))
		}
	case *runtime.EventExceptionThrown:
		p.note("script: " + e.ExceptionDetails.Text + " " + description(e.ExceptionDetails.Exception))
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceSecurity || e.Entry.Source == log.EntrySourceJavascript {
			p.note(e.Entry.Text)
		}
	}
}

func description(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return o.Description
}

func (p *Page) note(problem string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = append(p.problems, problem)
}

// Problems takes what the browser complained about so far.
func (p *Page) Problems() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.problems
	p.problems = nil
	return taken
}

func (p *Page) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.where())
	}
}

// where describes what the tab shows, for a failure.
func (p *Page) where() string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), patience/10)
	defer cancel()
	at, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href.split("?")[0] + "\n" + document.body.innerText`))
	return "the tab shows " + strings.TrimSpace(at)
}

func (p *Page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	p.must(chromedp.Do(p.ctx, steps...))
}

func call[P, R any](p *Page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	answer, err := chromedp.Call(p.ctx, command, params)
	p.must(err)
	return answer
}

// Scripts switches JavaScript on or off, for pages that are loaded from now on.
func (p *Page) Scripts(on bool) {
	p.t.Helper()
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// Before runs statements on every page that is loaded from now on, before its own scripts.
func (p *Page) Before(statements string) {
	p.t.Helper()
	call(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: statements})
}

// Resize makes the window a phone's or a desktop's.
func (p *Page) Resize(phone bool) {
	p.t.Helper()
	if phone {
		p.Width(390)
		call(p, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
		return
	}
	call(p, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{})
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 1280, Height: 800, DeviceScaleFactor: 1})
}

// Width makes the window that of a phone of a width, in CSS pixels.
func (p *Page) Width(width int64) {
	p.t.Helper()
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 844, DeviceScaleFactor: 2, Mobile: true})
}

// Media sets what the person prefers, such as prefers-color-scheme to dark.
func (p *Page) Media(feature, value string) {
	p.t.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: feature, Value: value}}})
}

// Document is the page as HTML, as its scripts left it.
func Document(p *Page) string {
	p.t.Helper()
	return "<!DOCTYPE html>" + Evaluate[string](p, "document.documentElement.outerHTML")
}

// Picture is a picture of the whole page, as PNG.
func (p *Page) Picture() []byte {
	p.t.Helper()
	return call(p, page.CaptureScreenshot, page.CaptureScreenshotParams{}).Data
}
