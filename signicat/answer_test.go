package signicat_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func typed(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{contentType}
		io.WriteString(w, body)
	}
}

func jsonBody(body string) http.HandlerFunc { return typed("application/json", body) }

func typedStatus(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func problem(code int, file string) http.HandlerFunc {
	body, err := os.ReadFile("testdata/" + file)
	if err != nil {
		panic(err)
	}
	return typedStatus(code, string(body))
}

func retry(code int, after string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", after)
		w.WriteHeader(code)
	}
}

func huge(code int, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		io.WriteString(w, `{"id":"`+strings.Repeat("a", 5<<20)+`"}`)
	}
}

func typed404(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

func htmlError(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(502)
	io.WriteString(w, "<html>"+personNIN+"</html>")
}

// page is a web page, as a server or proxy that is not Signicat writes it.
func page(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(code)
		io.WriteString(w, "<!doctype html><title>"+http.StatusText(code)+"</title>")
	}
}

func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func cutBody(w http.ResponseWriter, _ *http.Request) { cutAfter(w, 200) }

func cutError(w http.ResponseWriter, _ *http.Request) { cutAfter(w, 500) }

func cutAfter(w http.ResponseWriter, code int) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(code)
	io.WriteString(w, `{"code":"`+personNIN)
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// garbled throws what it was sent back at the client, outside of HTTP.
func garbled(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s\r\n\r\n", body, r.Header.Get("Authorization"))
}

// switchProtocols keeps the connection open for as long as the client does.
func switchProtocols(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
	io.Copy(io.Discard, conn)
}

// redirect sends the client where every answer is a errNone.
func redirect(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("again") {
		answerSession(w, r)
		return
	}
	http.Redirect(w, r, r.URL.Path+"?again", http.StatusTemporaryRedirect)
}
