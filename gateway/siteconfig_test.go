package gateway

import "testing"

// TestPublicPatternIsReadInOneWay refuses patterns that no public path could match.
func TestPublicPatternIsReadInOneWay(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"/index.php/*", "/index.php/x", "/a./*", "/a.", "/a:1", "/a::b", "/A~1/*", "/a%20", "//", "/a//*", "/a/../b", "a", "", "*", "/a*b", "/*/a"} {
		if err := validatePublic(pattern); err == nil {
			t.Errorf("%q is accepted", pattern)
		}
	}
	for _, pattern := range []string{"/", "/*", "/health", "/index.php", "/assets/*", "/v1/items:batchGet", "/a/"} {
		if err := validatePublic(pattern); err != nil {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}
