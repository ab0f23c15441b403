package signicat_test

import (
	"context"
	"fmt"
	"log"
	"net/url"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// A whole login, with the simulator for Signicat and for the person's phone.
func Example() {
	ctx := context.Background()
	sim, err := signicattest.Start(signicattest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sim.Close()
	client, err := signicat.New(signicat.Config{
		ClientID:     signicattest.DefaultClientID,
		ClientSecret: signicattest.DefaultClientSecret,
		APIURL:       sim.URL,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	session, err := client.CreateSession(ctx, signicat.SessionRequest{
		AllowedProviders:     []string{signicat.ProviderItsme},
		RequestedAttributes:  []string{"name", "dateOfBirth"},
		AdditionalParameters: map[string]string{signicat.ParameterRedirectURL: signicattest.DefaultAppRedirectURL},
	})
	if err != nil {
		log.Fatal(err)
	}
	redirectURL, err := sim.Approve(session.IDPData.AuthorizationRequestURL, "adult")
	if err != nil {
		log.Fatal(err)
	}
	returned, err := url.Parse(redirectURL)
	if err != nil {
		log.Fatal(err)
	}
	// Here a real caller compares the state with the one of the authorization request URL.
	if err := client.ValidateCode(ctx, signicat.CodeValidation{
		TokenRequestURL: session.IDPData.TokenRequestURL,
		TransactionID:   session.IDPData.TransactionID,
		AccountID:       session.AccountID,
		Code:            returned.Query().Get("code"),
		State:           returned.Query().Get("state"),
	}); err != nil {
		log.Fatal(err)
	}
	session, err = client.WaitForSession(ctx, session.ID)
	if err != nil {
		log.Fatal(err)
	}
	born, _ := session.Subject.Text("dateOfBirth")
	fmt.Println(session.Status, session.LoA, len(born))
	// Output: SUCCESS high 10
}
