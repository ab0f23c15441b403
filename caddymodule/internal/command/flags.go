package command

import (
	"errors"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// configFlags select a configuration file and its gateways.
type configFlags struct{ file, adapter, gateway string }

func (f *configFlags) register(command *cobra.Command) {
	flags := command.PersistentFlags()
	flags.StringVarP(&f.file, "config", "c", "", "Configuration file (default: Caddyfile in this folder)")
	flags.StringVarP(&f.adapter, "adapter", "a", "", "Name of the config adapter to apply")
	flags.StringVar(&f.gateway, "gateway", "", "Name of one gateway (default: all of them)")
}

// read returns the configuration as JSON.
func (f *configFlags) read() ([]byte, error) {
	data, _, _, err := caddycmd.LoadConfig(f.file, f.adapter)
	if err == nil && len(data) == 0 {
		err = errors.New("there is no Caddyfile in this folder; name the configuration with --config")
	}
	return data, err
}

// withGateways calls use with the selected gateways. Their storage is open until use returns.
func (f *configFlags) withGateways(command *cobra.Command, a Adapter, use func([]Gateway) error) error {
	config, err := f.read()
	if err != nil {
		return err
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: command.Context()})
	defer cancel()
	gateways, err := a.Gateways(ctx, config, f.gateway)
	if err != nil {
		return err
	}
	findService(command.Context(), config, gateways)
	return use(gateways)
}
