package attribute

import (
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // without the time zone no user would have an age
)

// BirthDate is the claim of a user's date of birth.
const BirthDate = "birthdate"

// OldestPerson is the highest age in years that the gateway believes. An earlier birth date is a placeholder,
// such as the year 0000 with which OpenID Connect Core section 5.1 leaves the year out.
const OldestPerson = 130

// agePrefix begins the names of the age claims.
// Source: ISO/IEC 18013-5:2021, section 7.2.5.
const agePrefix = "age_over_"

// AgeClaim returns the name of the claim which says whether a user completed that many years.
func AgeClaim(years int) string { return agePrefix + strconv.Itoa(years) }

// AgeOver returns the years of an age claim. ok is false for any other claim: the years are 1 to [OldestPerson], without
// a sign or leading zeros.
func AgeOver(claim string) (years int, ok bool) {
	digits, ok := strings.CutPrefix(claim, agePrefix)
	years, err := strconv.Atoi(digits)
	return years, ok && err == nil && years >= 1 && years <= OldestPerson && claim == AgeClaim(years)
}

// IsAge reports whether a claim is an age claim.
func IsAge(claim string) bool {
	_, ok := AgeOver(claim)
	return ok
}

// Computed reports whether a claim is in a family that the gateway computes. The claim may still be wrong: see [AgeOver].
func Computed(claim string) bool { return strings.HasPrefix(claim, agePrefix) }

// Ages returns the age claims among the wanted ones, for a user with that birth date. It returns none for a birth date
// without an [Age].
func Ages(birthdate string, wanted []string, now time.Time) map[string]bool {
	ages := make(map[string]bool)
	years, known := Age(birthdate, now)
	for _, claim := range wanted {
		if least, ok := AgeOver(claim); ok && known {
			ages[claim] = years >= least
		}
	}
	return ages
}

// belgium returns the time zone in which a birthday begins.
var belgium = sync.OnceValues(func() (*time.Location, error) { return time.LoadLocation("Europe/Brussels") })

// Age returns the completed years of a user on the current calendar day in Belgium. ok is false for a birth
// date that is incomplete, does not exist, or is in the future.
//
// A user born on 29 February completes a year at the end of 28 February, and so is a year older on 1 March in
// a year without the 29th: article 388 of the old Belgian Civil Code requires the full age. Unverified: that
// article does not name the day.
func Age(birthdate string, now time.Time) (years int, ok bool) {
	born, err := time.Parse(time.DateOnly, birthdate)
	if err != nil {
		return 0, false
	}
	zone, err := belgium()
	if err != nil {
		return 0, false
	}
	today := now.In(zone)
	years = today.Year() - born.Year()
	if today.Month() < born.Month() || (today.Month() == born.Month() && today.Day() < born.Day()) {
		years--
	}
	return years, years >= 0 && years <= OldestPerson
}
