// Package command implements the commands of caddy itsme: doctor, keys, revoke, token and version.
package command

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/doctor"
)

// Adapter reads Caddy's configuration, as JSON, for the commands. Gateway is the name of one gateway, or
// empty for all.
type Adapter struct {
	// Doctor loads a whole configuration and does not start it. CloseConfig releases the configuration.
	Doctor func(config []byte, gateway string) (loaded doctor.Config, closeConfig func(), err error)
	// Gateways reads the part of a configuration about keys and tokens. It does no I/O: the rest of the
	// configuration may need a network, or secrets that this process does not have.
	Gateways func(ctx caddy.Context, config []byte, gateway string) ([]Gateway, error)
}

// New returns the commands below caddy itsme.
func New(a Adapter) []*cobra.Command {
	return []*cobra.Command{doctorCommand(a), keysCommand(a), revokeCommand(), tokenCommand(a), versionCommand()}
}
