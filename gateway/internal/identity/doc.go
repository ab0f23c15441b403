// Package identity verifies who a request is from and passes that on to the upstream. It strips headers that
// a client made up, reads and verifies the credential of a request, caches verified credentials, checks the
// requirements of a site, and sets the identity headers. It does not handle logins under way.
package identity
