package attribute

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAge(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, birthdate, now string
		years                int
		unknown              bool
	}{
		{name: "the day before the birthday", birthdate: "2008-06-15", now: "2026-06-14T12:00:00Z", years: 17},
		{name: "the birthday", birthdate: "2008-06-15", now: "2026-06-15T12:00:00Z", years: 18},
		{name: "before midnight of a summer's day in Belgium", birthdate: "2008-06-15", now: "2026-06-14T21:59:59Z", years: 17},
		{name: "midnight of a summer's day in Belgium", birthdate: "2008-06-15", now: "2026-06-14T22:00:00Z", years: 18},
		{name: "before midnight of a winter's day in Belgium", birthdate: "2008-01-15", now: "2026-01-14T22:59:59Z", years: 17},
		{name: "midnight of a winter's day in Belgium", birthdate: "2008-01-15", now: "2026-01-14T23:00:00Z", years: 18},
		{name: "born on 29 February, on 28 February of a common year", birthdate: "2008-02-29", now: "2026-02-28T12:00:00Z", years: 17},
		{name: "born on 29 February, on 1 March of a common year", birthdate: "2008-02-29", now: "2026-03-01T12:00:00Z", years: 18},
		{name: "born on 29 February, on 28 February of a leap year", birthdate: "2008-02-29", now: "2028-02-28T12:00:00Z", years: 19},
		{name: "born on 29 February, on 29 February", birthdate: "2008-02-29", now: "2028-02-29T12:00:00Z", years: 20},
		{name: "born on 1 March, on 29 February", birthdate: "2008-03-01", now: "2028-02-29T12:00:00Z", years: 19},
		{name: "born on 31 December, on 1 January", birthdate: "2007-12-31", now: "2026-01-01T12:00:00Z", years: 18},
		{name: "born today", birthdate: "2026-06-15", now: "2026-06-15T12:00:00Z", years: 0},
		{name: "of the highest age", birthdate: "1896-06-15", now: "2026-06-15T12:00:00Z", years: OldestPerson},

		{name: "beyond the highest age", birthdate: "1895-06-15", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "born tomorrow", birthdate: "2026-06-16", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "born next year", birthdate: "2027-01-01", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "no date", birthdate: "", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "a year alone", birthdate: "1980", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "a year and a month", birthdate: "1980-06", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "an unknown day and month", birthdate: "1980-00-00", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "an unknown day", birthdate: "1980-06-00", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "an unknown month", birthdate: "1980-00-15", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "the year left out", birthdate: "0000-06-15", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "29 February of a common year", birthdate: "1981-02-29", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "digits left out", birthdate: "1980-6-5", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "another order", birthdate: "15/06/1980", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "with a time", birthdate: "1980-06-15T00:00:00Z", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "a blank at the end", birthdate: "1980-06-15 ", now: "2026-06-15T12:00:00Z", unknown: true},
		{name: "a negative year", birthdate: "-1980-06-15", now: "2026-06-15T12:00:00Z", unknown: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			now, err := time.Parse(time.RFC3339, row.now)
			if err != nil {
				t.Fatal(err)
			}
			years, ok := Age(row.birthdate, now)
			if ok == row.unknown || (ok && years != row.years) {
				t.Errorf("got %d %t, want %d", years, ok, row.years)
			}
		})
	}
}

// TestAgeIsTheNumberOfBirthdays counts the birthdays of a user on any day one by one. time.Date makes 1 March
// of a 29 February that a year does not have.
func TestAgeIsTheNumberOfBirthdays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		day := rapid.IntRange(0, 60_000) // since 1900
		first := time.Date(1900, time.January, 1, 12, 0, 0, 0, time.UTC)
		born, today := first.AddDate(0, 0, day.Draw(t, "born")), first.AddDate(0, 0, day.Draw(t, "today"))
		birthdays := 0
		for n := 1; !time.Date(born.Year()+n, born.Month(), born.Day(), 12, 0, 0, 0, time.UTC).After(today); n++ {
			birthdays++
		}
		years, ok := Age(born.Format(time.DateOnly), today)
		if known := !born.After(today) && birthdays <= OldestPerson; ok != known || (known && years != birthdays) {
			t.Fatalf("born %s, on %s: got %d %t, want %d", born, today, years, ok, birthdays)
		}
	})
}

// TestNothingButADateHasAnAge reads arbitrary texts. A text has an age only if it is a date that formats to
// the same text.
func TestNothingButADateHasAnAge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.June, 15, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[0-9]{3,5}-[0-9]{1,2}-[0-9]{1,2}`), rapid.StringMatching(`(1[89]|20)[0-9]{2}-(0[1-9]|1[0-3])-(0[1-9]|[123][0-9])`)).Draw(t, "birthdate")
		if _, ok := Age(text, now); !ok {
			return
		}
		if born, err := time.Parse(time.DateOnly, text); err != nil || born.Format(time.DateOnly) != text || born.After(now) {
			t.Fatalf("%q has an age", text)
		}
	})
}

func TestAgeClaims(t *testing.T) {
	t.Parallel()
	for claim, want := range map[string]int{
		"age_over_1": 1, "age_over_18": 18, "age_over_130": 130,
		"age_over_0": 0, "age_over_131": 0, "age_over_018": 0, "age_over_+18": 0, "age_over_-1": 0, "age_over_": 0,
		"age_over_18 ": 0, "age_over_1e1": 0, "age_over_99999999999999999999": 0, "age_over_nn": 0, "AGE_OVER_18": 0,
		"age_over_١٨": 0, "over_18": 0, "18": 0, "birthdate": 0, "": 0,
	} {
		if years, ok := AgeOver(claim); ok != (want != 0) || (ok && years != want) || IsAge(claim) != ok {
			t.Errorf("%q: %d, %t; want %d", claim, years, ok, want)
		}
	}
	if got := Header("age_over_18"); got != "X-Itsme-Age-Over-18" {
		t.Errorf("the header is %s", got)
	}
}

// TestAgesAreNeverGuessed has a birth date on either side of a birthday, and texts that are no date.
func TestAgesAreNeverGuessed(t *testing.T) {
	t.Parallel()
	wanted := []string{"name", "age_over_16", "age_over_18", "age_over_018"}
	now := time.Date(2026, time.June, 15, 12, 0, 0, 0, time.UTC)
	for birthdate, want := range map[string]map[string]bool{
		"2008-06-15": {"age_over_16": true, "age_over_18": true},
		"2008-06-16": {"age_over_16": true, "age_over_18": false},
		"2026-06-15": {"age_over_16": false, "age_over_18": false},
		"":           {}, "1980": {}, "1980-00-00": {}, "0000-06-15": {}, "2026-06-16": {}, "1895-06-15": {}, "15/06/1980": {},
	} {
		if diff := cmp.Diff(want, Ages(birthdate, wanted, now)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", birthdate, diff)
		}
	}
}
