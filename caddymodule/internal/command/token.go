package command

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const tokenInputHelp = `
Give the token on standard input, as in

  caddy itsme token verify < token.txt

An argument stays in the history of your shell. Until the token expires, it gives
anyone who reads it there the access of its user.
`

const tokenVerifyHelp = `
Verifies that the gateway of this configuration issued the token as an access
token for this audience, and that it has not expired. Otherwise the exit status
is 1, and the message says why.

The keys are those in Redis or Caddy's storage, or in the file of token key. Run
the command as Caddy's user, with Caddy's environment. It does not check whether
the token was revoked, or whether its user logged out.
` + tokenInputHelp

// maxTokenRead bounds the input, in bytes. Tokens of other issuers may be longer than the gateway's.
const maxTokenRead = 64 << 10

var (
	// errNotToken is returned when the input has not the form of a JWT.
	errNotToken = errors.New("this is not a token: a JWT has three parts with dots between them, each base64url, the first two of them JSON objects")
	// errTokenTooLong is returned when the input is longer than maxTokenRead.
	errTokenTooLong = fmt.Errorf("this is not a token: it is longer than %d bytes", maxTokenRead)
	// errNoToken is returned when the input is empty.
	errNoToken = errors.New("the input is empty; give the token on standard input")
)

func tokenCommand(a Adapter) *cobra.Command {
	command := &cobra.Command{Use: "token <command>", Short: "Verifies a token", Long: tokenVerifyHelp}
	command.AddCommand(tokenVerifyCommand(a))
	return command
}

func tokenVerifyCommand(a Adapter) *cobra.Command {
	var in configFlags
	var audience string
	command := &cobra.Command{
		Use:   "verify [<token>]",
		Short: "Verifies a token, and says why it is refused",
		Long:  tokenVerifyHelp,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			raw, err := readToken(command.InOrStdin(), args)
			if err != nil {
				return err
			}
			return in.withGateways(command, a, func(gateways []Gateway) error {
				v := verification{raw: raw, audience: audience, now: time.Now}
				return v.write(command.Context(), command.OutOrStdout(), gateways)
			})
		},
	}
	in.register(command)
	command.Flags().StringVar(&audience, "audience", "", "Audience that the token must have (default: token audience of the gateway)")
	return command
}

// readToken returns the token from the arguments or from standard input. It removes surrounding spaces and
// the word Bearer.
func readToken(in io.Reader, args []string) (string, error) {
	var raw string
	if len(args) == 1 && args[0] != "-" {
		raw = args[0]
	} else {
		data, err := io.ReadAll(io.LimitReader(in, maxTokenRead+1))
		if err != nil {
			return "", fmt.Errorf("reading token: %w", err)
		}
		raw = string(data)
	}
	if len(raw) > maxTokenRead {
		return "", errTokenTooLong
	}
	raw = strings.TrimSpace(raw)
	if scheme, rest, ok := strings.Cut(raw, " "); ok && strings.EqualFold(scheme, "Bearer") {
		raw = strings.TrimSpace(rest)
	}
	if raw == "" {
		return "", errNoToken
	}
	return raw, nil
}
