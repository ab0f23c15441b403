// Package signicat is a client of Signicat's Authentication REST API for the headless flow,
// in which an app of ours opens the itsme app and no page of Signicat's is shown (App2App).
//
// One login is four calls:
//
//	session, err := client.CreateSession(ctx, signicat.SessionRequest{
//		AllowedProviders:     []string{signicat.ProviderItsme},
//		RequestedAttributes:  []string{"name", "dateOfBirth"},
//		AdditionalParameters: map[string]string{signicat.ParameterRedirectURL: redirectURL},
//	})
//	// The person opens session.IDPData.AuthorizationRequestURL, approves in the itsme app,
//	// and comes back to redirectURL with a code and a state. The caller compares the state.
//	err = client.ValidateCode(ctx, signicat.CodeValidation{
//		TokenRequestURL: session.IDPData.TokenRequestURL,
//		TransactionID:   session.IDPData.TransactionID,
//		AccountID:       session.AccountID,
//		Code:            code,
//		State:           state,
//	})
//	session, err = client.WaitForSession(ctx, session.ID) // SUCCESS carries session.Subject
//
// The fourth is the Signicat access token (OAuth 2.0 client credentials), which the client
// asks for by itself, keeps, renews before it expires, and renews once more on a 401.
//
// The client believes nothing that it is sent: every body is read to at most [MaxBody] bytes,
// no redirect is followed, the status counts before the body, and what cannot be right is an
// [ErrInvalidResponse]. What it cannot know is left to the caller: whether an answer is about
// the session, account, transaction and LoA that were asked for.
//
// Every failure of a call is an [*Error] around one sentinel, with nothing secret or personal in its text.
// The client logs nothing and keeps no personal data.
package signicat
