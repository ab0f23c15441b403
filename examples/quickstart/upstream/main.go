// Command upstream is a service behind the gateway. It contains no itsme, Signicat or token code:
// it reads headers.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"time"
)

func main() {
	address := flag.String("listen", "127.0.0.1:9000", "address that only the gateway can reach: this service trusts the identity headers")
	flag.Parse()
	l, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("the upstream listens on %s", l.Addr())
	server := &http.Server{Handler: http.HandlerFunc(hello), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.Serve(l))
}

// hello greets the user that the identity headers name. A request without a login has no identity header.
func hello(w http.ResponseWriter, r *http.Request) {
	subject := r.Header.Get("X-Itsme-Subject") // the user's stable pseudonym: the key for a database
	if subject == "" {
		http.Error(w, "This request did not come through the gateway.", http.StatusForbidden)
		return
	}
	name, err := url.PathUnescape(r.Header.Get("X-Itsme-Name")) // characters beyond ASCII are percent-encoded
	if err != nil {
		http.Error(w, "X-Itsme-Name is malformed.", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	fmt.Fprintf(w, "Hello, %s.\nYou are %s, identified with LoA %s.\n", name, subject, r.Header.Get("X-Itsme-Acr"))
}
