package page

import (
	"html/template"
	"net/url"
	"strings"
)

const (
	// inAppName is the page that users of a browser inside another app see first.
	inAppName = "in_app"
	// LoginName is the value of [Parameter] with which such a user continues there.
	LoginName = "login"

	// DeviceIOS and DeviceAndroid are phones on which a page can open the phone's own browser.
	DeviceIOS     = "ios"
	DeviceAndroid = "android"
)

// inAppMarks are parts of the User-Agent of browsers inside apps: Facebook, Instagram, LinkedIn, and the web views of
// Android (https://developer.chrome.com/docs/webview/user-agent). It is a hint only: it decides which page a user
// sees first.
//
// Unverified: the marks of Facebook, Instagram and LinkedIn, which these companies do not document.
var inAppMarks = []string{"FBAN/", "FBAV/", "FB_IAB/", "Instagram ", "LinkedInApp", "; wv)"}

// InApp reports whether a User-Agent is that of a browser inside an app. device is the phone, if its own browser can
// be opened.
func InApp(userAgent string) (device string, ok bool) {
	for _, mark := range inAppMarks {
		ok = ok || strings.Contains(userAgent, mark)
	}
	switch {
	case strings.Contains(userAgent, "Android"):
		device = DeviceAndroid
	case strings.Contains(userAgent, "iPhone"), strings.Contains(userAgent, "iPad"):
		device = DeviceIOS
	}
	return device, ok
}

// InAppPage returns the page that a user of a browser inside an app sees first.
func InAppPage(p Page, device string) Page {
	p.Name, p.Device = inAppName, device
	return p
}

// inApp has the links of the page in_app.
type inApp struct {
	Open    template.URL // opens the phone's own browser; empty where no page can
	Address string       // of the login page
	Here    string       // the login page in this browser
}

func (p *Pages) inAppLinks(shown Page) inApp {
	address := p.LoginURL(shown, "", shown.Language)
	return inApp{Open: openURL(address, shown.Device), Address: address, Here: p.LoginURL(shown, LoginName, shown.Language)}
}

// openURL returns a URL that opens an address in the phone's own browser. The template takes it as it is: the address
// is the gateway's own, and its query is encoded.
//
// Unverified: which apps follow these URLs. Android documents intent:
// (https://developer.chrome.com/docs/android/intents); x-safari-https: is not documented.
func openURL(address, device string) template.URL {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return ""
	case device == DeviceIOS:
		return template.URL("x-safari-" + address)
	case device == DeviceAndroid:
		return template.URL("intent://" + u.Host + u.RequestURI() + "#Intent;scheme=" + u.Scheme + ";action=android.intent.action.VIEW;category=android.intent.category.BROWSABLE;end")
	}
	return ""
}
