package page

import (
	"strings"
	"testing"
)

// TestEveryColorGivesAReadableButton tries the colors. With each, the text on the button is readable, and the
// button stands out from the page.
func TestEveryColorGivesAReadableButton(t *testing.T) {
	t.Parallel()
	for n := range 1 << 15 {
		c := color{byte(n>>10&31) << 3, byte(n>>5&31) << 3, byte(n&31) << 3}
		if got := contrast(textOn(c), c); got < textContrast {
			t.Fatalf("text on %s has a contrast of %.2f", c, got)
		}
		for _, paper := range []color{lightPaper, darkPaper} {
			outlined := strings.Contains(accent(c, paper), "--edge:var(--ink)")
			if outlined != (contrast(c, paper) < edgeContrast) {
				t.Fatalf("%s on %s is outlined: %t", c, paper, outlined)
			}
		}
	}
}

// Sources: WCAG 2.2, "contrast ratio"; black on white has the greatest, 21.
func TestContrastIsWCAGs(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		a, b color
		want float64
	}{
		"black on white": {black, white, 21},
		"a colour twice": {color{1, 2, 3}, color{1, 2, 3}, 1},
		"grey 767676":    {color{0x76, 0x76, 0x76}, white, 4.54},
		"red":            {white, color{255, 0, 0}, 4.00},
	} {
		if got := contrast(row.a, row.b); got < row.want-0.005 || got > row.want+0.005 {
			t.Errorf("%s: %.3f, want %.2f", name, got, row.want)
		}
	}
}

func TestPapersAreThoseOfTheStyle(t *testing.T) {
	t.Parallel()
	for _, paper := range []string{"--paper:#fff;", "--paper:" + darkPaper.String() + ";"} {
		if !strings.Contains(style, paper) {
			t.Errorf("the style has no %s", paper)
		}
	}
}
