package gateway

// Bounds that the tests in package gateway_test push past, or compare the documentation with.
const (
	MaxPolls        = maxPolls
	MaxReads        = maxReads
	MaxCancels      = maxCancels
	MaxMinted       = maxMinted
	MaxLoginCookies = maxLoginCookies
	MaxCookieToken  = maxCookieToken
	MaxBody         = maxBody
)
