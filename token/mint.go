package token

import "time"

// MaxMintedLifetime bounds the lifetime of a minted token.
const MaxMintedLifetime = 5 * time.Minute

// MaxMintedSize bounds a minted token in bytes, issued or read. It has a little more than the largest token that it can
// be made from: sid, parent, and an audience of its own.
const MaxMintedSize = MaxSize + 1<<10

// IssueMinted signs an access token for an upstream, and returns it with its claims. Parent is required: the ID of the
// token that the client presented. A non-empty Audience is the service that the token is for; otherwise it is
// Config.Audience. The token has sid, so [Authority.VerifyAccess] refuses it. Its errors are those of
// [Authority.IssueAccess].
func (a *Authority) IssueMinted(c Claims) (string, Claims, error) {
	c.ID = loginOf(c.Parent) + "." + a.NewID()
	return a.issue(a.minted, c)
}

// VerifyMinted is [Authority.VerifyAccess] for minted tokens, of any audience. It does not check either whether Parent,
// the login or the user was revoked.
func (a *Authority) VerifyMinted(raw string) (*Claims, error) { return a.verify(a.minted, raw) }
