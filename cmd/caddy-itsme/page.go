package main

import (
	"errors"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// page is the form or the link of a page, which a browser would submit or follow.
type page struct {
	title  string
	action string // the URL of the form; empty means the page's own URL
	form   url.Values
	link   string
}

// readPage reads title, form and link of an HTML page.
func readPage(text string) (page, error) {
	p := page{form: url.Values{}}
	tokens := html.NewTokenizer(strings.NewReader(text))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			if err := tokens.Err(); !errors.Is(err, io.EOF) {
				return page{}, err
			}
			return p, nil
		case html.StartTagToken, html.SelfClosingTagToken:
			p.read(tokens)
		}
	}
}

func (p *page) read(tokens *html.Tokenizer) {
	tag := tokens.Token()
	attribute := map[string]string{}
	for _, a := range tag.Attr {
		attribute[a.Key] = a.Val
	}
	_, checked := attribute["checked"]
	switch {
	case tag.Data == "title" && tokens.Next() == html.TextToken:
		p.title = tokens.Token().Data
	case tag.Data == "form":
		p.action = attribute["action"]
	case tag.Data == "input" && (attribute["type"] != "radio" || checked):
		p.form.Set(attribute["name"], attribute["value"])
	case tag.Data == "a" && attribute["class"] == "action":
		p.link = attribute["href"]
	}
}

// titleOf returns the title of an HTML page, for the transcript.
func titleOf(text string) string {
	p, err := readPage(text)
	if err != nil || p.title == "" {
		return "without a title"
	}
	return p.title
}
