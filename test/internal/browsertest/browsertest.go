// Package browsertest opens pages in a real Chromium, as a person on a phone or at a desk does.
//
//	browser := browsertest.Start(t, browsertest.Options{})
//	tab := browser.Open(t, browsertest.Tab{Phone: true, Language: "nl"})
//	tab.Go(url)
//	tab.Tap("#link")
//	tab.See("h1")
//
// A tab fails its test for whatever its pages do that the browser complains about: a violated
// Content-Security-Policy, an error of a script. A Chromium that cannot start fails the test, too.
package browsertest

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience bounds everything that one tab does.
const patience = 3 * time.Minute

// pause is between two looks at what a page shows.
const pause = 20 * time.Millisecond

// Options are how a Chromium is set up.
type Options struct {
	// NoCookies refuses every cookie.
	NoCookies bool
	// Hosts are the hosts and ports of URLs, such as *.example.be:443, and the loopback addresses that
	// answer for them. With it, certificates are not checked and http stays http.
	Hosts map[string]string
}

// flags are what the options add to the command line.
func (o Options) flags() []chromedp.ExecAllocatorOption {
	if len(o.Hosts) == 0 {
		return nil
	}
	var rules []string
	for _, host := range slices.Sorted(maps.Keys(o.Hosts)) {
		rules = append(rules, "MAP "+host+" "+o.Hosts[host])
	}
	return []chromedp.ExecAllocatorOption{
		chromedp.Flag("host-resolver-rules", strings.Join(rules, ",")),
		chromedp.Flag("ignore-certificate-errors", true),
		chromedp.Flag("disable-features", "Translate,BlinkGenPropertyTrees,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable"),
	}
}

// Browser is a running Chromium with a profile of its own.
type Browser struct {
	ctx  context.Context
	bare bool // without incognito windows, which keep settings of their own
}

// noCookies is the setting of a profile that blocks all cookies.
const noCookies = `{"profile":{"default_content_setting_values":{"cookies":2},"cookie_controls_mode":0,"block_third_party_cookies":true}}`

// Start runs Chromium until the test ends.
func Start(t testing.TB, o Options) *Browser {
	t.Helper()
	profile, err := os.MkdirTemp("", "browsertest-")
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: helper processes of Chromium write there for a moment after it has ended.
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	if o.NoCookies {
		writePreferences(t, profile, noCookies)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true),
	)
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), append(options, o.flags()...)...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting chromium: %v; install Debian's chromium, or run `make test`, which does", err)
	}
	return &Browser{ctx: ctx, bare: o.NoCookies}
}

func writePreferences(t testing.TB, profile, text string) {
	t.Helper()
	folder := filepath.Join(profile, "Default")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "Preferences"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
