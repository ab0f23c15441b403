// Package attack holds the attacks on a running gateway that need nothing but its wire: real Caddy, raw
// sockets, a real browser. Each test is named by the property that the attack tries to break.
package attack
