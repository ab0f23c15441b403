package caddymodule

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const tokenHelp = `
Shows what is in a token, or says whether it is good.

Give the token on standard input, as in

  caddy itsme token inspect < token.txt

An argument would stay in the history of your shell, and whoever has a token is
its person until it expires.
`

const tokenInspectHelp = `
Shows the header and the claims of a token, its times, and what kind of token it
is. Nothing is verified: anybody can make a token that looks like this. National
numbers and their like are left out unless you ask for them with --show, and so
is the signature, always.
` + tokenHelp

const tokenVerifyHelp = `
Says whether a token is good: whether the gateway of this configuration issued
it as an access token, for this audience, and its time is not over. If it is
not, the exit status is 1, and the message says why.

The keys are those in Caddy's storage, or in the file that token key names. Run
this as the user that Caddy runs as, with the same environment. Whether a token
was revoked, or its person logged out, is not looked at.
` + tokenHelp

// maxTokenRead is how much is read of what should be a token, in bytes: those of other issuers are
// longer than ours.
const maxTokenRead = 64 << 10

var (
	// errNotToken is returned when a text cannot be a token of any kind.
	errNotToken = errors.New("this is no token: a JWT has three parts with dots between them, each base64url, the first two of them JSON objects")
	// errTokenTooLong is returned when a text is longer than maxTokenRead.
	errTokenTooLong = fmt.Errorf("this is no token: it is longer than %d bytes", maxTokenRead)
	// errNoToken is returned when there is nothing to look at.
	errNoToken = errors.New("there is no token; give it on standard input")
)

func tokenCommand() *cobra.Command {
	command := &cobra.Command{Use: "token <command>", Short: "Shows or verifies a token", Long: tokenHelp}
	command.AddCommand(tokenInspectCommand(), tokenVerifyCommand())
	return command
}

func tokenInspectCommand() *cobra.Command {
	var show bool
	command := &cobra.Command{
		Use:   "inspect [<token>]",
		Short: "Shows what is in a token, without verifying it",
		Long:  tokenInspectHelp,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			raw, err := readToken(command.InOrStdin(), args)
			if err != nil {
				return err
			}
			return inspect(command.OutOrStdout(), raw, show, time.Now())
		},
	}
	command.Flags().BoolVar(&show, "show", false, "Show national numbers and their like, too")
	return command
}

func tokenVerifyCommand() *cobra.Command {
	var in configFlags
	var audience string
	command := &cobra.Command{
		Use:   "verify [<token>]",
		Short: "Says whether a token is good, and why not",
		Long:  tokenVerifyHelp,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			raw, err := readToken(command.InOrStdin(), args)
			if err != nil {
				return err
			}
			return in.withKeys(command, func(keys []gatewayKeys) error {
				v := verification{raw: raw, audience: audience, now: time.Now}
				return v.tell(command.Context(), command.OutOrStdout(), keys)
			})
		},
	}
	in.register(command)
	command.Flags().StringVar(&audience, "audience", "", "Who the token must be for (default: token audience of the gateway)")
	return command
}

// readToken returns the token in the arguments, or on standard input, without what people copy
// along.
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
