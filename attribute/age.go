package identity

import (
	"sync"
	"time"
	_ "time/tzdata" // without the time zone every min_age would be refused
)

// OldestPerson is the highest age in years that the gateway believes. An earlier birth date is a placeholder,
// such as the year 0000 with which OpenID Connect Core section 5.1 leaves the year out.
const OldestPerson = 130

// belgium returns the time zone in which a birthday begins.
var belgium = sync.OnceValues(func() (*time.Location, error) { return time.LoadLocation("Europe/Brussels") })

// ageOf returns the completed years of a user on the current calendar day in Belgium. ok is false for a birth
// date that is incomplete, does not exist, or is in the future.
//
// A user born on 29 February completes a year at the end of 28 February, and so is a year older on 1 March in
// a year without the 29th: article 388 of the old Belgian Civil Code requires the full age. Unverified: that
// article does not name the day.
func ageOf(birthdate string, now time.Time) (years int, ok bool) {
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
