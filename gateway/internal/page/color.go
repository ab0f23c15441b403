package page

import (
	"encoding/hex"
	"math"
	"strings"
)

// color is an sRGB color.
type color [3]byte

var (
	white = color{255, 255, 255}
	black = color{}
)

// Backgrounds of a button, --paper of style.css.
var (
	lightPaper = white
	darkPaper  = color{0x24, 0x22, 0x20}
)

const (
	// textContrast is the contrast that text needs with its background (WCAG 2.2, 1.4.3).
	textContrast = 4.5
	// edgeContrast is the contrast that the outline of a control needs (WCAG 2.2, 1.4.11).
	edgeContrast = 3
)

// parseColor reads rrggbb or rgb. The # is optional, because a Caddyfile reads it as a comment.
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

// IsColor reports whether [Config].Color may hold a text.
func IsColor(text string) bool {
	_, ok := parseColor(text)
	return ok
}

func (c color) String() string { return "#" + hex.EncodeToString(c[:]) }

// luminance returns WCAG's relative luminance, 0 for black and 1 for white.
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

// contrast returns WCAG's contrast ratio of two colors, from 1 to 21.
func contrast(a, b color) float64 {
	light, dark := max(a.luminance(), b.luminance()), min(a.luminance(), b.luminance())
	return (light + 0.05) / (dark + 0.05)
}

// textOn returns white where white text is readable, else black. One of them always is: where white's
// contrast is under 4.5, black's is over 21/4.5.
func textOn(c color) color {
	if contrast(white, c) >= textContrast {
		return white
	}
	return black
}

// accent returns the style of a button on paper of the given color. A button that hardly differs from the
// paper gets an outline in the color of the text.
func accent(c, paper color) string {
	edge := c.String()
	if contrast(c, paper) < edgeContrast {
		edge = "var(--ink)"
	}
	return ":root{--accent:" + c.String() + ";--on-accent:" + textOn(c).String() + ";--edge:" + edge + "}"
}

// coloredStyle returns the pages' style with the configured colors.
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
