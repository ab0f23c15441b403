package token_test

import (
	"fmt"
	"log"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// A gateway makes or reads a key, puts it in force, and issues and verifies tokens with it.
func Example() {
	key, err := token.GenerateKey(token.DefaultAlgorithm)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := token.NewKeySet(key)
	if err != nil {
		log.Fatal(err)
	}
	inForce := new(token.Keys)
	inForce.Set(keys)
	authority, err := token.NewAuthority(token.Config{
		Issuer:          "https://app.example.be",
		Audience:        []string{"https://api.example.be"},
		ClientID:        "app.example.be",
		SessionAudience: "https://app.example.be/itsme",
		Lifetime:        15 * time.Minute,
		SessionLifetime: 8 * time.Hour,
	}, inForce)
	if err != nil {
		log.Fatal(err)
	}

	raw, _, err := authority.IssueAccess(token.Claims{
		Subject:    "bDdzYW1wbGVzdWJqZWN0",
		AuthTime:   time.Now(),
		ACR:        "high",
		Attributes: map[string]any{"name": "Jane Doe"},
	})
	if err != nil {
		log.Fatal(err)
	}
	claims, err := authority.VerifyAccess(raw)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Subject, claims.ACR, claims.Attributes["name"])

	_, err = authority.VerifySession(raw)
	fmt.Println(err)
	// Output:
	// bDdzYW1wbGVzdWJqZWN0 high Jane Doe
	// verifying token: token is of another type
}
