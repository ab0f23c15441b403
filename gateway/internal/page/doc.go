// Package page renders the pages that a gateway shows to browsers: the pages of a login in four languages, in
// the operator's look, and a page that explains each problem. It writes to no client.
package page
