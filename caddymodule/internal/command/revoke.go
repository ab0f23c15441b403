package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

const revokeHelp = `
Revokes all logins of a user, one login, or one access token, at every gateway that
the running Caddy has and on every replica that shares their store. Other replicas
refuse the tokens within a second; services that verify tokens themselves accept
them until they expire.

  --sub    the user's sub: all logins and tokens of the user. The user can log in
           again at once.
  --login  the jti of any token of the login: the login with all its tokens.
  --token  the jti of an access token: this token alone.

The value - reads it from standard input, so that it stays out of the history of
your shell. There --login and --token also take a whole access token that is not
encrypted:

  caddy itsme revoke --login - < token.txt

Of an encrypted token use --sub, or the jti that /introspect shows.

The command asks the admin endpoint of the configuration. It needs no environment,
no storage and no Redis. The exit status is 1 unless every gateway took the
revocation; then run it again.
`

// maxID bounds the jti of a token, in bytes. The gateway's have about 30.
const maxID = 200

// errNoID is returned for a text in which no jti can be read. An encrypted token shows none.
var errNoID = errors.New("this is neither a jti nor an access token that shows one; nothing was revoked")

// fromInput is the value that stands for standard input.
const fromInput = "-"

type revokeFlags struct {
	configFlags
	sub, login, token string
}

func revokeCommand() *cobra.Command {
	var flags revokeFlags
	command := &cobra.Command{
		Use:   "revoke --sub <sub> | --login <jti> | --token <jti>",
		Short: "Revokes the logins of a user, a login or a token",
		Long:  revokeHelp,
		Args:  cobra.NoArgs,
		RunE:  func(command *cobra.Command, _ []string) error { return flags.revoke(command) },
	}
	flags.register(command)
	command.Flags().StringVar(&flags.sub, "sub", "", "sub of a user")
	command.Flags().StringVar(&flags.login, "login", "", "jti of any token of a login")
	command.Flags().StringVar(&flags.token, "token", "", "jti of a token")
	command.MarkFlagsOneRequired("sub", "login", "token")
	command.MarkFlagsMutuallyExclusive("sub", "login", "token")
	return command
}

func (f *revokeFlags) revoke(command *cobra.Command) error {
	config, err := f.read()
	if err != nil {
		return err
	}
	s, err := serviceOf(config)
	if err != nil {
		return err
	}
	asked, err := f.revocation(command)
	if err != nil {
		return err
	}
	logins, err := s.revoke(command.Context(), asked)
	if err != nil {
		return err
	}
	return asked.write(command.OutOrStdout(), logins)
}

// revocation is the body of a request to the admin endpoint.
type revocation struct {
	Gateway string `json:"gateway,omitempty"` // empty for every gateway
	Sub     string `json:"sub,omitempty"`
	Login   string `json:"login,omitempty"`
	JTI     string `json:"jti,omitempty"`
}

// revocation reads what to revoke. An empty value is refused: a script may have lost it.
func (f *revokeFlags) revocation(command *cobra.Command) (r revocation, err error) {
	r.Gateway = f.gateway
	for _, row := range []struct {
		flag, value string
		token       bool // it may be a whole access token
		into        *string
	}{
		{"sub", f.sub, false, &r.Sub},
		{"login", f.login, true, &r.Login},
		{"token", f.token, true, &r.JTI},
	} {
		if !command.Flags().Changed(row.flag) {
			continue
		}
		value := row.value
		if value == fromInput {
			if value, err = readToken(command.InOrStdin(), nil); err != nil {
				return r, err
			}
		}
		if row.token {
			if value, err = idOf(value); err != nil {
				return r, err
			}
		}
		if value == "" {
			return r, fmt.Errorf("--%s is empty; nothing was revoked", row.flag)
		}
		*row.into = value
	}
	return r, nil
}

// idOf returns the jti of a whole access token, or the text itself. It does not verify the token: an operator
// may revoke any.
func idOf(text string) (string, error) {
	if isRefreshToken(text) {
		return "", errors.New("this is a refresh token; revoke it at /revoke, or its login by the jti of its access token")
	}
	if strings.Count(text, ".") < 2 && len(text) <= maxID {
		return text, nil // a login, or a login and a serial number
	}
	claims, err := unverifiedClaims(text)
	if err != nil || claims.ID == "" {
		return "", errNoID
	}
	return claims.ID, nil
}

// write says what ended.
func (r revocation) write(out io.Writer, logins int) error {
	text := fmt.Sprintf("revoked; running logins that ended: %d", logins)
	if r.JTI != "" {
		text = "revoked: the token"
	}
	_, err := fmt.Fprintln(out, text)
	return err
}

// revoke sends a revocation, and returns the number of running logins that ended.
func (s *service) revoke(ctx context.Context, r revocation) (logins int, err error) {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	var answer struct {
		Logins int `json:"logins"`
	}
	err = s.do(ctx, http.MethodPost, "/itsme/revoke", r, &answer)
	return answer.Logins, err
}
