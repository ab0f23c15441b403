package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
)

// browser is a browser with a person in front of it. It keeps cookies, and sends what browsers
// send with a navigation.
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

// login asks for the upstream's page, and ends up on it.
func (b browser) login(ctx context.Context) error {
	b.step("The person opens the upstream's page in a browser, which is sent to the login page.")
	loginURL, err := b.follow(ctx, b.gateway+"/")
	if err != nil {
		return err
	}
	link, err := b.start(ctx, loginURL)
	if err != nil {
		return err
	}
	b.step("The person taps the link, which the phone hands to the itsme app, and approves there. (The demo is all on one host, so the gateway's cookie goes along.)")
	redirectURL, err := b.approve(ctx, link)
	if err != nil {
		return err
	}
	b.step("itsme opens the browser's redirect URL. The gateway finishes the login, and sends the browser on.")
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
		return "", errors.New("reading the login page: its form goes nowhere")
	}
	b.step("The person presses the button.")
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

// follow navigates to a URL that redirects, and returns where to.
func (b browser) follow(ctx context.Context, target string) (string, error) {
	sent, err := b.open(ctx, http.StatusSeeOther, target)
	if err != nil {
		return "", err
	}
	next, err := sent.Location()
	if err != nil {
		return "", fmt.Errorf("GET %s: the answer redirects nowhere", sent.Request.URL.Path)
	}
	return next.String(), nil
}

// see asks for the upstream's page as a script on it would, and returns what the upstream saw.
func (b browser) see(ctx context.Context) (request, error) {
	b.step("The page asks the upstream for the same as JSON. The cookie did not go upstream, a token did.")
	got, err := b.get(ctx, http.StatusOK, b.gateway+"/", "Accept", "application/json")
	if err != nil {
		return request{}, err
	}
	return decode[request](got)
}
