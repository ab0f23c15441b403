package identity

import (
	"fmt"
	"strings"
)

// encodeHeader returns a value in a form that a header can hold. Every byte of its UTF-8 outside printable
// ASCII, the percent sign, and blanks at either end become %XX.
func encodeHeader(value string) string {
	if plain(value) {
		return value
	}
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		edge := c == ' ' && (i == 0 || i == len(value)-1)
		if c < ' ' || c > '~' || c == '%' || edge {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func plain(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '%' {
			return false
		}
	}
	return value == "" || (value[0] != ' ' && value[len(value)-1] != ' ')
}
