package attack_test

import "strings"

// forgery is a way in which an attacker writes a header into a request: in its head, or in the trailers of its
// body.
type forgery struct {
	name        string
	lines, body func(header string) string
}

// forged is the value of every forged header.
const forged = "forged"

// claim returns a forged line of a header.
func claim(header string) string {
	if strings.EqualFold(header, "Authorization") {
		return header + ": Bearer " + forged + "\r\n"
	}
	return header + ": " + forged + "\r\n"
}

// forgeries are the ways to make an upstream read a forged header, or lose the true one.
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
	for _, s := range spellings[:3] { // FuzzStrip tries the others
		all = append(all,
			forgery{name: "trailer, " + s.name, lines: chunked(nil), body: trailer(s.spell)},
			forgery{name: "announced trailer, " + s.name, lines: chunked(s.spell), body: trailer(s.spell)},
			forgery{name: "trailer beside an announced one, " + s.name, lines: chunked(func(string) string { return "X-Note" }), body: trailer(s.spell)},
		)
	}
	return all
}

// spellings of the name of a header that some servers read as the same header.
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
