// Command go is a service behind the gateway. It shows both ways to identify the user of a request: GET
// /headers reads the gateway's headers, GET /token verifies its JWT. A real service has one of the two.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	v, err := newVerifier(context.Background(), os.Getenv("JWKS_URL"), os.Getenv("ISSUER"), os.Getenv("AUDIENCE"))
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", os.Getenv("LISTEN"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /headers", readHeaders)
	mux.HandleFunc("GET /token", v.readToken)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.Serve(l))
}

// person is the user of a request. Subject is the key for a database. A name may change or be absent.
type person struct {
	Subject string `json:"sub"`
	Name    string `json:"name,omitempty"`
}

func (p person) greet(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(p) // an error means that the client closed the connection
}
