package identity

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

func TestRequirements(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.June, 15, 12, 0, 0, 0, time.UTC)
	adult := map[string]any{"birthdate": "1988-03-14", "nationality": "belge", "email_verified": false, "nin": map[string]any{"value": "85073003328"}}
	for _, row := range []struct {
		name     string
		require  Requirements
		acr      string
		age      time.Duration // of the login
		claims   map[string]any
		wantErr  error
		wantText string
	}{
		{name: "nothing", acr: "low", age: time.Hour},
		{name: "the level", require: Requirements{LoA: signicat.LoAHigh}, acr: "high"},
		{name: "a higher level", require: Requirements{LoA: signicat.LoALow}, acr: "substantial"},
		{name: "a lower level", require: Requirements{LoA: signicat.LoAHigh}, acr: "substantial", wantErr: ErrInsufficient},
		{name: "an unknown level", require: Requirements{LoA: signicat.LoALow}, acr: "urn:high", wantErr: ErrInsufficient},
		{name: "as old as may be", require: Requirements{MaxAge: time.Hour}, acr: "low", age: time.Hour},
		{name: "older", require: Requirements{MaxAge: time.Hour}, acr: "low", age: time.Hour + time.Second, wantErr: ErrInsufficient},
		{name: "a clock that is behind", require: Requirements{MaxAge: time.Hour}, acr: "low", age: -time.Minute},
		{name: "of age", require: Requirements{MinAge: 18}, acr: "low", claims: adult},
		{name: "under age", require: Requirements{MinAge: 18}, acr: "low", claims: map[string]any{"birthdate": "2008-06-16"}, wantErr: ErrRequirement, wantText: "requirement not met: min_age"},
		{name: "no birth date", require: Requirements{MinAge: 18}, acr: "low", wantErr: ErrRequirement, wantText: "requirement not met: min_age"},
		{name: "half a birth date", require: Requirements{MinAge: 18}, acr: "low", claims: map[string]any{"birthdate": "1980-00-00"}, wantErr: ErrRequirement, wantText: "requirement not met: min_age"},
		{name: "a birth date that is no text", require: Requirements{MinAge: 18}, acr: "low", claims: map[string]any{"birthdate": map[string]any{"value": false}}, wantErr: ErrRequirement, wantText: "requirement not met: min_age"},
		{name: "of age by a claim", require: Requirements{MinAge: 18}, acr: "low", claims: map[string]any{"age_over_18": true}},
		{name: "of age by a claim of more years", require: Requirements{MinAge: 18}, acr: "low", claims: map[string]any{"age_over_16": true, "age_over_21": true}},
		{name: "under age by a claim", require: Requirements{MinAge: 18}, acr: "low", claims: map[string]any{"age_over_18": false}, wantErr: ErrRequirement, wantText: "requirement not met: min_age"},
		{name: "a claim of fewer years", require: Requirements{MinAge: 18}, acr: "low", claims: map[string]any{"age_over_16": true, "age_over_21": false}, wantErr: ErrRequirement, wantText: "requirement not met: min_age"},
		{name: "a claim in words", require: Requirements{MinAge: 18}, acr: "low", claims: map[string]any{"age_over_18": "true"}, wantErr: ErrRequirement, wantText: "requirement not met: min_age"},
		{name: "a claim with a leading zero", require: Requirements{MinAge: 18}, acr: "low", claims: map[string]any{"age_over_018": true}, wantErr: ErrRequirement, wantText: "requirement not met: min_age"},
		{name: "a birth date that a claim contradicts", require: Requirements{MinAge: 18}, acr: "low", claims: map[string]any{"birthdate": "2008-06-16", "age_over_18": true}, wantErr: ErrRequirement, wantText: "requirement not met: min_age"},
		{name: "half a birth date that a claim contradicts", require: Requirements{MinAge: 18}, acr: "low", claims: map[string]any{"birthdate": "1980", "age_over_18": true}, wantErr: ErrRequirement, wantText: "requirement not met: min_age"},
		{name: "one of the values", require: nationality("NLD", "belge"), acr: "low", claims: adult},
		{name: "none of the values", require: nationality("NLD", "FRA"), acr: "low", claims: adult, wantErr: ErrRequirement, wantText: "requirement not met: claim nationality"},
		{name: "a value in another case", require: nationality("Belge"), acr: "low", claims: adult, wantErr: ErrRequirement, wantText: "requirement not met: claim nationality"},
		{name: "a claim that is absent", require: nationality("belge"), acr: "low", wantErr: ErrRequirement, wantText: "requirement not met: claim nationality"},
		{name: "a claim that is no text", require: Requirements{Claims: []ClaimRequirement{{"email_verified", []string{"false"}}, {"nin", []string{"85073003328"}}}}, acr: "low", claims: adult},
		{name: "one claim of two", require: Requirements{Claims: []ClaimRequirement{{"nationality", []string{"belge"}}, {"sub", []string{"another"}}}}, acr: "low", claims: adult, wantErr: ErrRequirement, wantText: "requirement not met: claim sub"},
		{name: "who would be refused after another login too", require: Requirements{LoA: signicat.LoAHigh, MinAge: 18}, acr: "low", wantErr: ErrRequirement, wantText: "requirement not met: min_age"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			claims := &token.Claims{Subject: "pseudonym", ACR: row.acr, AuthTime: now.Add(-row.age), Attributes: row.claims}
			err := row.require.Check(newCredential(store.App, claims, nil), StepUp{}.With(row.require), now)
			if !errors.Is(err, row.wantErr) {
				t.Fatalf("got %v, want %v", err, row.wantErr)
			}
			if row.wantText != "" && err.Error() != row.wantText {
				t.Errorf("the error says %q", err)
			}
		})
	}
}

func nationality(values ...string) Requirements {
	return Requirements{Claims: []ClaimRequirement{{"nationality", values}}}
}

// TestOneLoginIsEnoughForEverySite adds the requirements of several sites on a request's way.
func TestOneLoginIsEnoughForEverySite(t *testing.T) {
	t.Parallel()
	var asked StepUp
	for _, step := range []struct {
		require Requirements
		want    []string
	}{
		{Requirements{}, nil},
		{Requirements{MaxAge: time.Hour}, []string{`max_age="3600"`}},
		{Requirements{LoA: signicat.LoAHigh}, []string{`acr_values="high"`, `max_age="3600"`}},
		{Requirements{LoA: signicat.LoALow, MaxAge: 2 * time.Hour}, []string{`acr_values="high"`, `max_age="3600"`}},
		{Requirements{MaxAge: 15 * time.Minute}, []string{`acr_values="high"`, `max_age="900"`}},
	} {
		asked = asked.With(step.require)
		want := append([]string{`error="insufficient_user_authentication"`, `error_description="Another login is required"`}, step.want...)
		if diff := cmp.Diff(want, asked.Challenge()); diff != "" {
			t.Errorf("after %v (-want +got):\n%s", step.require, diff)
		}
	}
}
