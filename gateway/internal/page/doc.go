// Package page renders what a browser shows of a gateway: the pages of a login in four languages, in
// the operator's look, and the page behind each problem's type. It writes to no client.
package page
