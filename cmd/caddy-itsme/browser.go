package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
)

// browser is a browser and its user. It keeps cookies, and sends the headers of a navigation.
type browser struct {
	client
	transcript
	gateway string
}

func newBrowser(t transcript, gateway string) (browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return browser{}, fmt.Errorf("making a cookie jar: %w", err)
	}
	return browser{newClient(t, jar), t, gateway}, nil
}

// login opens the upstream's page, logs in, and returns to the page.
func (b browser) login(ctx context.Context) error {
	b.step("The user opens the upstream's page in a browser. The gateway sends the browser to the login page.")
	loginURL, err := b.follow(ctx, b.gateway+"/")
	if err != nil {
		return err
	}
	link, err := b.start(ctx, loginURL)
	if err != nil {
		return err
	}
	b.step("The user taps the link. The phone opens the itsme app, where the user approves. (In the demo everything has one host, so the browser sends the gateway's cookie there too.)")
	redirectURL, err := b.approve(ctx, link)
	if err != nil {
		return err
	}
	b.step("itsme opens the redirect URL in the browser. The gateway finishes the login and sends the browser back to the page.")
	wanted, err := b.follow(ctx, redirectURL)
	if err != nil {
		return err
	}
	_, err = b.open(ctx, http.StatusOK, wanted)
	return err
}

// start presses the button of the login page, and returns the link to itsme.
func (b browser) start(ctx context.Context, loginURL string) (link string, err error) {
	shown, err := b.open(ctx, http.StatusOK, loginURL)
	if err != nil {
		return "", err
	}
	login, err := readPage(shown.body)
	if err != nil {
		return "", err
	}
	action, err := shown.Request.URL.Parse(login.action)
	if err != nil {
		return "", errors.New("reading the login page: the action of its form is not a URL")
	}
	b.step("The user presses the button.")
	shown, err = b.postForm(ctx, http.StatusOK, action.String(), login.form, "Accept", "text/html", "Origin", b.gateway)
	if err != nil {
		return "", err
	}
	opened, err := readPage(shown.body)
	return opened.link, err
}

// open navigates to a URL.
func (b browser) open(ctx context.Context, want int, target string) (answer, error) {
	return b.get(ctx, want, target, "Accept", "text/html", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
}

// follow navigates to a URL that redirects, and returns the target.
func (b browser) follow(ctx context.Context, target string) (string, error) {
	sent, err := b.open(ctx, http.StatusSeeOther, target)
	if err != nil {
		return "", err
	}
	next, err := sent.Location()
	if err != nil {
		return "", fmt.Errorf("GET %s: the response has no valid Location", sent.Request.URL.Path)
	}
	return next.String(), nil
}

// see requests the upstream's page as JSON, as a script would, and returns the request that the upstream
// received.
func (b browser) see(ctx context.Context) (request, error) {
	b.step("A script on the page requests the same as JSON. The upstream receives an access token and no cookie.")
	got, err := b.get(ctx, http.StatusOK, b.gateway+"/", "Accept", "application/json")
	if err != nil {
		return request{}, err
	}
	return decode[request](got)
}
