package page

import (
	"encoding/hex"
	"math"
	"strings"
)

// color is an sRGB colour.
type color [3]byte

var (
	white = color{255, 255, 255}
	black = color{}
)

// The grounds on which a button stands, --paper of style.css.
var (
	lightPaper = white
	darkPaper  = color{0x24, 0x22, 0x20}
)

const (
	// textContrast is what text needs against what is behind it (WCAG 2.2, 1.4.3).
	textContrast = 4.5
	// edgeContrast is what the outline of a control needs (WCAG 2.2, 1.4.11).
	edgeContrast = 3
)

// parseColor reads rrggbb or rgb. The # is optional, since a Caddyfile takes it for a comment.
func parseColor(text string) (c color, ok bool) {
	digits := strings.TrimPrefix(text, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	if n, err := hex.Decode(c[:], []byte(digits[:min(len(digits), 6)])); err != nil || n != len(c) || len(digits) != 6 {
		return color{}, false
	}
	return c, true
}

// IsColor reports whether a text can stand in [Config].Color.
func IsColor(text string) bool {
	_, ok := parseColor(text)
	return ok
}

func (c color) String() string { return "#" + hex.EncodeToString(c[:]) }

// luminance is WCAG's relative luminance, 0 for black and 1 for white.
func (c color) luminance() float64 {
	linear := func(b byte) float64 {
		v := float64(b) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is WCAG's contrast ratio of two colours, from 1 to 21.
func contrast(a, b color) float64 {
	light, dark := max(a.luminance(), b.luminance()), min(a.luminance(), b.luminance())
	return (light + 0.05) / (dark + 0.05)
}

// textOn is white where it can be read, else black. One of them always can: where white's contrast
// is under 4.5, black's is over 21/4.5.
func textOn(c color) color {
	if contrast(white, c) >= textContrast {
		return white
	}
	return black
}

// accent is the part of the style that colours the button, on paper of the given colour. A button
// that hardly differs from the paper is outlined like the text around it.
func accent(c, paper color) string {
	edge := c.String()
	if contrast(c, paper) < edgeContrast {
		edge = "var(--ink)"
	}
	return ":root{--accent:" + c.String() + ";--on-accent:" + textOn(c).String() + ";--edge:" + edge + "}"
}

// coloredStyle is the pages' style with the configured colours.
func (c Config) coloredStyle() string {
	if len(c.Color) == 0 {
		return style
	}
	colors := make([]color, len(c.Color))
	for i, text := range c.Color {
		colors[i], _ = parseColor(text) // validated
	}
	dark := colors[len(colors)-1]
	return style + accent(colors[0], lightPaper) + "@media (prefers-color-scheme:dark){" + accent(dark, darkPaper) + "}"
}
