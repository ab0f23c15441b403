// Package identity finds out who a request is from, and says so to the upstream. It strips what a
// client made up, reads and verifies the credential of a request, keeps verified credentials, checks
// what a site requires of them, and sets the identity headers. It knows no login under way.
package identity
