package attack_test

import "strings"

// forgery is how an attacker writes a header into a request: in its head, or in its body's
// trailers too.
type forgery struct {
	name        string
	lines, body func(header string) string
}

// forged stands in whatever an attacker claims.
const forged = "forged"

// claim is a line in which an attacker claims to be somebody.
func claim(header string) string {
	if strings.EqualFold(header, "Authorization") {
		return header + ": Bearer " + forged + "\r\n"
	}
	return header + ": " + forged + "\r\n"
}

// forgeries are the ways, for any header, to have an upstream believe it or to take it away.
func forgeries() []forgery {
	all := []forgery{
		{name: "twice", lines: func(h string) string { return claim(h) + claim(h) }},
		{name: "twice, in two spellings", lines: func(h string) string { return claim(h) + claim(underscored(h)) }},
		{name: "folded", lines: func(h string) string { return h + ": Bearer\r\n forged\r\n\tforged\r\n" }},
		{name: "folded into another one", lines: func(h string) string { return "X-Note: a\r\n " + h + ": note\r\n" }},
		{name: "empty", lines: func(h string) string { return h + ":\r\n" }},
		{name: "behind a line that ends without a return", lines: func(h string) string { return "X-Note: a\n" + claim(h) }},
		{name: "announced as a trailer without one", lines: func(h string) string { return "Trailer: " + h + "\r\n" }},
		{name: "named in Connection", lines: func(h string) string { return "Connection: " + h + "\r\n" }},
		{name: "named in Connection among others", lines: func(h string) string {
			return "Connection: keep-alive ,\t" + strings.ToLower(h) + ", x-note\r\n"
		}},
		{name: "named in several Connection lines", lines: func(h string) string {
			return "connection: x-note\r\nCONNECTION: " + strings.ToUpper(h) + "\r\nConnection:" + h + ",," + underscored(h) + "\r\n"
		}},
		{name: "sent and named in Connection", lines: func(h string) string { return claim(h) + "Connection: " + h + "\r\n" }},
	}
	for _, s := range spellings {
		all = append(all, forgery{name: s.name, lines: func(h string) string { return claim(s.spell(h)) }})
	}
	for _, s := range spellings[:3] { // FuzzStrip goes on with the others
		all = append(all,
			forgery{name: "trailer, " + s.name, lines: chunked(nil), body: trailer(s.spell)},
			forgery{name: "announced trailer, " + s.name, lines: chunked(s.spell), body: trailer(s.spell)},
			forgery{name: "trailer beside an announced one, " + s.name, lines: chunked(func(string) string { return "X-Note" }), body: trailer(s.spell)},
		)
	}
	return all
}

// spellings of a header's name that one server or another takes for the same.
var spellings = []struct {
	name  string
	spell func(string) string
}{
	{"as it is", func(h string) string { return h }},
	{"underscores", underscored},
	{"a mix", func(h string) string { return strings.Replace(strings.ToLower(h), "-", "_", 1) }},
	{"lower case", strings.ToLower},
	{"upper case", strings.ToUpper},
	{"dots", func(h string) string { return strings.ReplaceAll(h, "-", ".") }},
	{"another mix", func(h string) string { return strings.Replace(strings.ReplaceAll(h, "-", "."), ".", "_", 1) }},
}

func underscored(h string) string { return strings.ReplaceAll(h, "-", "_") }

func chunked(announce func(string) string) func(string) string {
	return func(h string) string {
		if announce == nil {
			return "Transfer-Encoding: chunked\r\n"
		}
		return "Transfer-Encoding: chunked\r\nTrailer: " + announce(h) + "\r\n"
	}
}

func trailer(spell func(string) string) func(string) string {
	return func(h string) string { return "1\r\nx\r\n0\r\n" + claim(spell(h)) + "X-Note: a\r\n\r\n" }
}
