// Package signicat is a client of Signicat's Authentication REST API for the headless flow,
// in which an app opens the itsme app and Signicat shows no page (App2App).
//
// One login is four calls:
//
//	session, err := client.CreateSession(ctx, signicat.SessionRequest{
//		AllowedProviders:     []string{signicat.ProviderItsme},
//		RequestedAttributes:  []string{"name", "dateOfBirth"},
//		AdditionalParameters: map[string]string{signicat.ParameterRedirectURL: redirectURL},
//	})
//	// The user opens session.IDPData.AuthorizationRequestURL, approves in the itsme app,
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
// The fourth is the Signicat access token (OAuth 2.0 client credentials). The client requests it,
// renews it before it expires, and once more after a 401.
//
// The client reads at most [MaxBody] bytes of a body, follows no redirect, and judges the status
// before the body. An answer that cannot be right is an [ErrInvalidResponse]. The caller checks that
// an answer has the session, account, transaction and LoA of its request.
//
// Every failure of a call is an [*Error] around one sentinel, without secret or personal data in its text.
// The client logs nothing and keeps no personal data.
package signicat
