package signicattest_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// validNIN checks a national number by the rule of either century.
func validNIN(nin string) bool {
	nine, err := strconv.Atoi(nin[:9])
	check, err2 := strconv.Atoi(nin[9:])
	if len(nin) != 11 || err != nil || err2 != nil {
		return false
	}
	return check == 97-nine%97 || check == 97-(2_000_000_000+nine)%97
}

func TestNINs(t *testing.T) {
	t.Parallel()
	for _, published := range []string{"81042419835", "99060427181", "86022402508"} {
		if !validNIN(published) {
			t.Fatalf("this test refuses %s, which is published", published)
		}
	}
	clock := newClock()
	c := start(t, signicattest.Config{Now: clock.now})
	centuries := map[string]bool{}
	for _, p := range c.sim.Personas() {
		if p.NIN == "" {
			if p.Key != "foreign" {
				t.Errorf("%s has no nin", p.Key)
			}
			continue
		}
		if !validNIN(p.NIN) {
			t.Errorf("%s: %s", p.Key, p.NIN)
		}
		born := p.Attributes["dateOfBirth"]
		if born == "" {
			continue
		}
		centuries[born[:2]] = true
		month, err := strconv.Atoi(p.NIN[2:4])
		if err != nil || p.NIN[:2] != born[2:4] || p.NIN[4:6] != born[8:] || month%20 != atoi(t, born[5:7]) {
			t.Errorf("%s: %s, born %s", p.Key, p.NIN, born)
		}
		if odd := (p.NIN[8]-'0')%2 == 1; odd != (p.Attributes["gender"] == "male") {
			t.Errorf("%s: %s, %s", p.Key, p.NIN, p.Attributes["gender"])
		}
		if got := strings.ReplaceAll(p.Attributes["itsmeNationalNumber"], " ", ""); got != p.NIN {
			t.Errorf("%s: itsmeNationalNumber %s", p.Key, got)
		}
	}
	if !centuries["19"] || !centuries["20"] {
		t.Errorf("centuries %v", centuries)
	}
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPersonasAreSpecial(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := start(t, signicattest.Config{Now: clock.now})
	people := map[string]signicattest.Persona{}
	for _, p := range c.sim.Personas() {
		people[p.Key] = p
	}
	if m := people["bis"].NIN[2:4]; m != "47" {
		t.Errorf("month of the BIS number: %s", m)
	}
	if m := people["substantial"].NIN[2:4]; m != "32" {
		t.Errorf("month of the BIS number without a known sex: %s", m)
	}
	if name := people["letters"].Attributes["name"]; !strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxLatin1 }) {
		t.Errorf("name %s", name)
	}
	if _, has := people["mononym"].Attributes["firstName"]; has {
		t.Error("mononym has a first name")
	}
	if f := people["foreign"]; f.Address != nil || f.Attributes["nationality"] != "NLD" {
		t.Errorf("%+v", f)
	}
	born, err := time.Parse(time.DateOnly, people["minor"].Attributes["dateOfBirth"])
	if now := clock.now(); err != nil || born.AddDate(16, 0, 0).After(now) || !born.AddDate(18, 0, 0).After(now) {
		t.Errorf("the minor was born %s: %v", born, err)
	}
	for key, loa := range map[string]string{"adult": "high", "substantial": "substantial", "low": "low"} {
		if people[key].LoA != loa {
			t.Errorf("%s: LoA %s", key, people[key].LoA)
		}
	}
}

// TestPersonasTimesAttributes logs every persona in with every attribute, and compares with what the persona has.
func TestPersonasTimesAttributes(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	all, err := json.Marshal(signicattest.Attributes())
	if err != nil {
		t.Fatal(err)
	}
	subjects := map[string]bool{}
	for _, p := range c.sim.Personas() {
		want := map[string]any{"id": p.SubjectID, "idpId": p.IDPID}
		for a, v := range p.Attributes {
			want[a] = v
		}
		if p.NIN != "" {
			want["nin"] = map[string]any{"value": p.NIN, "issuingCountry": "BE", "type": "PERSON"}
		}
		if p.Address != nil {
			want["address"] = "Rue Royale 82 1000 Bruxelles"
		}
		l := c.login(attributes(string(all)))
		l.validate(l.approve(p.Key)).want(200)
		r := l.read().want(200)
		if diff := cmp.Diff(want, r.member("subject")); diff != "" {
			t.Errorf("%s: %s", p.Key, diff)
		}
		if r.text("loa") != p.LoA {
			t.Errorf("%s: loa %s", p.Key, r.text("loa"))
		}
		if !regexp.MustCompile(`^[A-Za-z0-9-]{43}=$`).MatchString(p.SubjectID) || !regexp.MustCompile(`^[a-z0-9]{36}$`).MatchString(p.IDPID) || subjects[p.SubjectID] {
			t.Errorf("%s: ids %s %s", p.Key, p.SubjectID, p.IDPID)
		}
		subjects[p.SubjectID] = true
	}
}

// TestOneAttributeAtATime shows that nothing comes that was not asked for.
func TestOneAttributeAtATime(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	for _, a := range signicattest.Attributes() {
		l := c.login(attributes(`["` + a + `"]`))
		l.validate(l.approve("adult")).want(200)
		subject, _ := l.read().member("subject").(map[string]any)
		if len(subject) != 2 || subject["id"] == nil || subject[a] == nil {
			t.Errorf("%s: %v", a, subject)
		}
	}
	if !slices.IsSorted(signicattest.Attributes()) || len(signicattest.Attributes()) != 24 {
		t.Errorf("%v", signicattest.Attributes())
	}
}

// TestSubjectIsStable compares two runs, and two customers: the hash depends on the organisation.
func TestSubjectIsStable(t *testing.T) {
	t.Parallel()
	subject := func(cfg signicattest.Config) (string, string) {
		s, err := signicattest.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return s.Personas()[0].SubjectID, s.Personas()[0].IDPID
	}
	a, idpA := subject(signicattest.Config{Seed: 1})
	b, idpB := subject(signicattest.Config{Seed: 2})
	other, _ := subject(signicattest.Config{AccountID: "a-spge-other"})
	organization, _ := subject(signicattest.Config{OrganizationID: "o-1"})
	sameOrganization, _ := subject(signicattest.Config{OrganizationID: "o-1", AccountID: "a-spge-other"})
	if a != b || idpA != idpB || a == other || a == organization || organization != sameOrganization {
		t.Error(a, b, other, organization, sameOrganization)
	}
}

func TestPersonasAreACopy(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	p := c.sim.Personas()[0]
	p.Attributes["name"], p.Address.Formatted = "x", "x"
	if q := c.sim.Personas()[0]; q.Attributes["name"] == "x" || q.Address.Formatted == "x" {
		t.Error("the personas were changed")
	}
}
