package identity

import "strings"

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
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

const upperHex = "0123456789ABCDEF"

func plain(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '%' {
			return false
		}
	}
	return value == "" || (value[0] != ' ' && value[len(value)-1] != ' ')
}
