package signicattest

import (
	"cmp"
	"fmt"
	"time"
)

// bisUnknownSex and bisKnownSex are added to the month of a BIS number, the national number of a person who is not in
// the population register.
const (
	bisUnknownSex = 20
	bisKnownSex   = 40
)

// nationalNumber returns a Belgian national number: YYMMDD, a serial (odd for men, even for women) and two check digits.
// The check digits of people born from 2000 on are computed with a 2 in front.
// Source: https://www.ibz.rrn.fgov.be/ and https://belgianmobileid.github.io/doc/
func nationalNumber(born time.Time, bis, serial int) string {
	nine := (born.Year()%100)*10_000_000 + (int(born.Month())+bis)*100_000 + born.Day()*1000 + serial
	checked := nine
	if born.Year() >= 2000 {
		checked += 2_000_000_000
	}
	return fmt.Sprintf("%09d%02d", nine, 97-checked%97)
}

// spacedNationalNumber returns the form of itsmeNationalNumber: "860224 025 08".
func spacedNationalNumber(nin string) string { return nin[:6] + " " + nin[6:9] + " " + nin[9:] }

// cardNumber returns the number of a Belgian identity card: ten digits and their remainder by 97.
func cardNumber(ten int) string {
	digits := fmt.Sprintf("%010d%02d", ten, cmp.Or(ten%97, 97))
	return digits[:3] + "-" + digits[3:10] + "-" + digits[10:]
}
