// Package browser plays stories of the pages in Firefox, by WebDriver BiDi, and in WebKitGTK, by WebDriver. Chromium
// plays them all in test/browser. The tests have the build tag clients: make test-clients runs them.
package browser
