package signicat_test

import (
	"errors"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

const appRedirectURL = signicattest.DefaultAppRedirectURL

// simulate starts the simulator, with TLS and HTTP/2, and connects a client to it.
func simulate(t *testing.T, config signicattest.Config, change ...func(*signicat.Config)) (*signicattest.Server, *signicat.Client) {
	t.Helper()
	config.TLS = true
	sim, err := signicattest.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	credentials := func(c *signicat.Config) {
		c.ClientID, c.ClientSecret = signicattest.DefaultClientID, signicattest.DefaultClientSecret
		c.RootCAs = sim.RootCAs()
	}
	return sim, connect(t, sim.URL, append([]func(*signicat.Config){credentials}, change...)...)
}

func begin(t *testing.T, client *signicat.Client) *signicat.Session {
	t.Helper()
	session, err := client.CreateSession(t.Context(), signicat.SessionRequest{
		AllowedProviders:     []string{signicat.ProviderItsme},
		RequestedAttributes:  []string{"name", "firstName", "lastName", "dateOfBirth", "nin", "address"},
		RequestedLoA:         signicat.LoASubstantial,
		AdditionalParameters: map[string]string{signicat.ParameterRedirectURL: appRedirectURL},
		Language:             "nl",
	})
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// approve returns what the caller has in hand when the first persona came back.
func approve(t *testing.T, sim *signicattest.Server, session *signicat.Session) signicat.CodeValidation {
	t.Helper()
	back, err := sim.Approve(session.IDPData.AuthorizationRequestURL, "")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	return signicat.CodeValidation{
		TokenRequestURL: session.IDPData.TokenRequestURL,
		TransactionID:   session.IDPData.TransactionID,
		AccountID:       session.AccountID,
		Code:            u.Query().Get("code"),
		State:           u.Query().Get("state"),
	}
}

func TestLoginAtSimulator(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		config   signicattest.Config
		encoding signicat.StateEncoding
	}{
		{name: "as it is by default"},
		{name: "encoded state", config: signicattest.Config{Switches: signicattest.Switches{StateEncoding: signicattest.StateEncoded}}, encoding: signicat.StateEncoded},
		{name: "validated with 204", config: signicattest.Config{Switches: signicattest.Switches{ValidationStatus: 204}}},
		{name: "validated with a JSON object", config: signicattest.Config{Switches: signicattest.Switches{ValidationBody: signicattest.ValidationBodyObject}}},
		{name: "address as object, nin as string", config: signicattest.Config{Switches: signicattest.Switches{AddressAsObject: true, NINAsString: true}}},
		{name: "SUCCESS before the validation", config: signicattest.Config{Switches: signicattest.Switches{SuccessBeforeValidation: true}}},
		{name: "organisation's client", config: signicattest.Config{OrganizationID: "o-1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sim, client := simulate(t, test.config, func(c *signicat.Config) {
				c.StateEncoding = test.encoding
				if c.OrganizationID = test.config.OrganizationID; c.OrganizationID != "" {
					c.AccountID = signicattest.DefaultAccountID
				}
			})
			session := begin(t, client)
			if session.Status != signicat.StatusCreated || session.AccountID != signicattest.DefaultAccountID {
				t.Errorf("created %v of account %s", session.LogValue(), session.AccountID)
			}
			if err := client.ValidateCode(t.Context(), approve(t, sim, session)); err != nil {
				t.Fatal(err)
			}
			wantPerson(t, sim, client, session)
			for operation, want := range map[string]int{
				signicat.OperationAccessToken: 1, signicat.OperationCreateSession: 1,
				signicat.OperationValidateCode: 1, signicat.OperationReadSession: 1,
			} {
				if got := sim.Count(operation); got != want {
					t.Errorf("%d calls of %s, want %d", got, operation, want)
				}
			}
		})
	}
}

func wantPerson(t *testing.T, sim *signicattest.Server, client *signicat.Client, created *signicat.Session) {
	t.Helper()
	session, err := client.WaitForSession(t.Context(), created.ID)
	if err != nil {
		t.Fatal(err)
	}
	persona := sim.Personas()[0]
	if session.Status != signicat.StatusSuccess || session.Provider != signicat.ProviderItsme || session.ID != created.ID {
		t.Fatalf("read %v", session.LogValue())
	}
	nin, _ := session.Subject.NIN()
	address, _ := session.Subject.Address()
	name, _ := session.Subject.Text("name")
	if session.Subject.ID != persona.SubjectID || nin.Value != persona.NIN ||
		address != persona.Address.Formatted || name != persona.Attributes["name"] {
		t.Errorf("got %s %+v %q %q, want %+v", session.Subject.ID, nin, address, name, persona)
	}
	if session.LoA != signicat.LoA(persona.LoA) || !session.LoA.AtLeast(signicat.LoASubstantial) {
		t.Errorf("LoA %s, want %s", session.LoA, persona.LoA)
	}
}

func TestWrongCodeIsFinalForThatCodeAlone(t *testing.T) {
	t.Parallel()
	sim, client := simulate(t, signicattest.Config{})
	right := approve(t, sim, begin(t, client))
	wrong := right
	wrong.Code = "000000000000000000000000000000000000"
	if err := client.ValidateCode(t.Context(), wrong); !errors.Is(err, signicat.ErrRejected) {
		t.Errorf("wrong code: got %v, want %v", err, signicat.ErrRejected)
	}
	if err := client.ValidateCode(t.Context(), right); err != nil {
		t.Errorf("right code: %v", err)
	}
	if err := client.ValidateCode(t.Context(), right); !errors.Is(err, signicat.ErrRejected) {
		t.Errorf("used code: got %v, want %v", err, signicat.ErrRejected)
	}
}

func TestLostAnswerOfValidationIsNoAcceptance(t *testing.T) {
	t.Parallel()
	for _, fault := range []signicattest.Fault{
		{Status: 500},
		{Status: 202},
		{Cut: signicattest.CutBeforeHeaders},
		{Cut: signicattest.CutMidBody},
		{Body: signicattest.BodyHTML},
		{Body: signicattest.BodyArray},
		{Body: signicattest.BodyHuge},
		{Body: signicattest.BodyTruncated},
	} {
		sim, client := simulate(t, signicattest.Config{})
		session := begin(t, client)
		fault.Operation, fault.Call, fault.After = signicattest.OperationValidateCode, 1, true
		if err := sim.Script(fault); err != nil {
			t.Fatal(err)
		}
		err := client.ValidateCode(t.Context(), approve(t, sim, session))
		if !errors.Is(err, signicat.ErrUnavailable) && !errors.Is(err, signicat.ErrInvalidResponse) {
			t.Errorf("%+v: got %v, want a lost answer", fault, err)
		}
		wantPerson(t, sim, client, session)
	}
}

func TestCancelledSession(t *testing.T) {
	t.Parallel()
	_, client := simulate(t, signicattest.Config{})
	created := begin(t, client)
	for _, act := range []func() (*signicat.Session, error){
		func() (*signicat.Session, error) { return client.CancelSession(t.Context(), created.ID) },
		func() (*signicat.Session, error) { return client.WaitForSession(t.Context(), created.ID) },
	} {
		session, err := act()
		if err != nil || session.Status != signicat.StatusCancelled {
			t.Errorf("got %s, %v", statusOf(session), err)
		}
	}
}

func TestFailedSessionHasItsCode(t *testing.T) {
	t.Parallel()
	sim, client := simulate(t, signicattest.Config{})
	created := begin(t, client)
	if err := sim.Fail(created.ID, signicattest.SessionError{Code: "session_error", Title: "Session Error"}); err != nil {
		t.Fatal(err)
	}
	session, err := client.WaitForSession(t.Context(), created.ID)
	if err != nil || session.Status != signicat.StatusError || session.Error == nil || session.Error.Code != "session_error" {
		t.Errorf("got %+v, %v", session, err)
	}
}

func TestAccessTokenAtSimulator(t *testing.T) {
	t.Parallel()
	clock := &clock{now: time.Date(2026, 3, 19, 8, 0, 0, 0, time.UTC)}
	sim, client := simulate(t, signicattest.Config{Now: clock.Now}, func(c *signicat.Config) { c.Now = clock.Now })
	created := begin(t, client)
	for _, step := range []struct {
		name  string
		event func()
		want  int // access token requests so far
	}{
		{"cached", func() { clock.add(539 * time.Second) }, 1},
		{"expired", func() { clock.add(61 * time.Second) }, 2},
		{"revoked", sim.RevokeAccessTokens, 3},
	} {
		step.event()
		if _, err := client.Session(t.Context(), created.ID); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if got := sim.Count(signicattest.OperationAccessToken); got != step.want {
			t.Errorf("%s: %d access token requests, want %d", step.name, got, step.want)
		}
	}
}

func TestWrongCredentialsAtSimulator(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401} {
		_, client := simulate(t, signicattest.Config{Switches: signicattest.Switches{InvalidClientStatus: status}}, func(c *signicat.Config) {
			c.ClientSecret = clientSecret
		})
		err := client.CheckCredentials(t.Context())
		refused, ok := errors.AsType[*signicat.Error](err)
		if !errors.Is(err, signicat.ErrUnauthorized) || !ok || refused.Code != "invalid_client" {
			t.Errorf("%d: got %v, want %v with code invalid_client", status, err, signicat.ErrUnauthorized)
		}
	}
}

func TestTokenNamesTheAccountAtSimulator(t *testing.T) {
	t.Parallel()
	_, client := simulate(t, signicattest.Config{AccountID: "a-spge-theirs"}, func(c *signicat.Config) {
		c.AccountID = "a-spge-ours"
	})
	if got, err := client.TokenAccountID(t.Context()); err != nil || got != "a-spge-theirs" {
		t.Errorf("got %q, %v", got, err)
	}
}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
