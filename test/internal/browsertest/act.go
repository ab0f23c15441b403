package browsertest

import (
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Go opens a URL.
func (p *Page) Go(url string) {
	p.t.Helper()
	p.do(chromedp.Navigate(url))
}

// Reload presses the browser's reload button.
func (p *Page) Reload() {
	p.t.Helper()
	p.do(chromedp.Reload())
}

// Link is the URL that an element links to.
func (p *Page) Link(element string) string {
	p.t.Helper()
	return Evaluate[string](p, `document.querySelector(`+quote(element)+`).href`)
}

// StartedAfter is how many milliseconds after its own start the page sent its first request to a path.
func (p *Page) StartedAfter(path string) float64 {
	p.t.Helper()
	return Evaluate[float64](p, `performance.getEntriesByType("resource").find(e => new URL(e.name).pathname === `+quote(path)+`).startTime`)
}

// Back presses the browser's back button.
func (p *Page) Back() {
	p.t.Helper()
	p.do(chromedp.NavigateBack())
}

// See waits until an element is visible, and returns its text. Elements are named by a CSS
// selector, of which the first match counts.
func (p *Page) See(element string) string {
	p.t.Helper()
	p.do(chromedp.WaitVisible(chromedp.CSS(element)))
	text, err := chromedp.Run(p.ctx, chromedp.Text(chromedp.CSS(element)))
	p.must(err)
	return text
}

// Reads waits until an element is visible and its text equals words. The words distinguish the element from a
// similar one on a page that a click is about to leave.
func (p *Page) Reads(element, words string) {
	p.t.Helper()
	p.reads(element, words, func(text, words string) bool { return text == words })
}

// ReadsFirst is Reads for the words that a text begins with.
func (p *Page) ReadsFirst(element, words string) {
	p.t.Helper()
	p.reads(element, words, strings.HasPrefix)
}

// ReadsAmong is Reads for words that a text contains.
func (p *Page) ReadsAmong(element, words string) {
	p.t.Helper()
	p.reads(element, words, strings.Contains)
}

func (p *Page) reads(element, words string, fits func(text, words string) bool) {
	p.t.Helper()
	seen := ""
	for p.ctx.Err() == nil {
		text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`(() => { const e = document.querySelector(`+quote(element)+`); return e && e.checkVisibility() ? e.innerText : "" })()`))
		if err == nil && fits(text, words) { // an error: the page is being left
			return
		}
		seen = text
		select {
		case <-p.ctx.Done():
		case <-time.After(pause):
		}
	}
	p.t.Fatalf("%s reads %q, never %q\n%s", element, seen, words, p.where())
}

// Exists waits until an element exists, visible or not.
func (p *Page) Exists(element string) {
	p.t.Helper()
	p.do(chromedp.WaitReady(chromedp.CSS(element)))
}

// Click presses an element with the mouse.
func (p *Page) Click(element string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.CSS(element)))
}

// Tap touches an element with a finger.
func (p *Page) Tap(element string) {
	p.t.Helper()
	p.do(chromedp.Tap(chromedp.CSS(element)))
}

// TapFor touches an element with a finger that stays down for a while, as fingers do: 60 to 90 ms.
func (p *Page) TapFor(element string, down time.Duration) {
	p.t.Helper()
	p.See(element)
	at := Evaluate[struct{ X, Y float64 }](p, `(() => { const e = document.querySelector(`+quote(element)+`); e.scrollIntoView({block: "nearest"}); const r = e.getBoundingClientRect(); return {X: r.x + r.width / 2, Y: r.y + r.height / 2} })()`)
	call(p, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{{X: at.X, Y: at.Y}}})
	<-time.After(down)
	call(p, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: []*input.TouchPoint{}})
}

// ClickFor presses an element with the mouse, whose button stays down for a while.
func (p *Page) ClickFor(element string, down time.Duration) {
	p.t.Helper()
	release := p.Press(element)
	<-time.After(down)
	release()
}

// Press puts a finger, or the mouse's button, down on an element and leaves it there; release
// lifts it.
func (p *Page) Press(element string) (release func()) {
	p.t.Helper()
	p.See(element)
	at := Evaluate[struct{ X, Y float64 }](p, `(() => { const r = document.querySelector(`+quote(element)+`).getBoundingClientRect(); return {X: r.x + r.width / 2, Y: r.y + r.height / 2} })()`)
	p.do(chromedp.MouseEvent(chromedp.MousePressed, at.X, at.Y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	return func() {
		p.t.Helper()
		p.do(chromedp.MouseEvent(chromedp.MouseReleased, at.X, at.Y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	}
}

// Key presses keys, one after the other.
func (p *Page) Key(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// URL returns the URL in the address bar.
func (p *Page) URL() string {
	p.t.Helper()
	return Evaluate[string](p, "location.href")
}

// Evaluate returns the value of an expression on the page. It waits for a promise.
func Evaluate[T any](p *Page, expression string) T {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	p.must(err)
	return value
}

// Script runs statements on the page.
func (p *Page) Script(statements string) {
	p.t.Helper()
	Evaluate[bool](p, "(() => {"+statements+"; return true})()")
}

// Forget deletes the window's cookies.
func (p *Page) Forget() {
	p.t.Helper()
	call(p, network.ClearBrowserCookies, cdp.Empty{})
}

// Held is a request that the browser is about to send.
type Held struct {
	page *Page
	id   fetch.RequestID
}

// Hold stops the requests to URLs of a pattern, in which * stands for anything, before they are
// sent, and returns them one by one.
func (p *Page) Hold(pattern string) (next func() Held) {
	p.t.Helper()
	held := make(chan Held, 100)
	p.must(chromedp.Listen(p.ctx, func(event any) {
		if e, ok := event.(*fetch.EventRequestPaused); ok {
			held <- Held{p, e.RequestID}
		}
	}))
	call(p, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: pattern}}})
	return func() Held {
		p.t.Helper()
		select {
		case h := <-held:
			return h
		case <-p.ctx.Done():
			p.t.Fatalf("no request to %s\n%s", pattern, p.where())
			return Held{}
		}
	}
}

// LetGo sends the held requests and stops holding.
func (p *Page) LetGo() {
	p.t.Helper()
	call(p, fetch.Disable, cdp.Empty{})
}

// Send lets the request go on.
func (h Held) Send() {
	h.page.t.Helper()
	call(h.page, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: h.id})
}

// Drop fails the request. A navigation then stays on the page, as when an app opened the link.
func (h Held) Drop() {
	h.page.t.Helper()
	call(h.page, fetch.FailRequest, fetch.FailRequestParams{RequestID: h.id, ErrorReason: network.ErrorReasonAborted})
}

// Answer answers the request with a status and no body.
func (h Held) Answer(status int64) {
	h.page.t.Helper()
	call(h.page, fetch.FulfillRequest, fetch.FulfillRequestParams{RequestID: h.id, ResponseCode: status})
}
