package gateway

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// TestOneLoginIsEnoughForEverySite adds up what several sites in a request's way require.
func TestOneLoginIsEnoughForEverySite(t *testing.T) {
	t.Parallel()
	var asked identity.StepUp
	for _, step := range []struct {
		require identity.Requirements
		want    []string
	}{
		{identity.Requirements{}, nil},
		{identity.Requirements{MaxAge: time.Hour}, []string{`max_age="3600"`}},
		{identity.Requirements{LoA: signicat.LoAHigh}, []string{`acr_values="high"`, `max_age="3600"`}},
		{identity.Requirements{LoA: signicat.LoALow, MaxAge: 2 * time.Hour}, []string{`acr_values="high"`, `max_age="3600"`}},
		{identity.Requirements{MaxAge: 15 * time.Minute}, []string{`acr_values="high"`, `max_age="900"`}},
	} {
		asked = asked.With(step.require)
		want := append([]string{`error="insufficient_user_authentication"`, `error_description="Another login is required"`}, step.want...)
		if diff := cmp.Diff(want, stepUpParams(&asked)); diff != "" {
			t.Errorf("after %v (-want +got):\n%s", step.require, diff)
		}
	}
}
