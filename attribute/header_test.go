package attribute

import "testing"

func TestHeaderNamesFollowTheRule(t *testing.T) {
	t.Parallel()
	for claim, want := range map[string]string{
		"sub": "X-Itsme-Subject", "name": "X-Itsme-Name", "given_name": "X-Itsme-Given-Name", "phone_number": "X-Itsme-Phone-Number",
		"nin": "X-Itsme-Nin", "email_verified": "X-Itsme-Email-Verified", "itsme_os": "X-Itsme-Itsme-Os",
	} {
		if got := Header(claim); got != want {
			t.Errorf("%s is %s, want %s", claim, got, want)
		}
	}
}
