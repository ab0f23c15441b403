// Package browser holds the stories that Chromium plays against the demo and against its pages.
package browser
