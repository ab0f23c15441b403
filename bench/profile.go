package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// errContender is returned for an unknown kind of requests.
var errContender = errors.New("unknown kind of requests: use a name of the table's rows")

// profiles maps a file to the path of the profile at Caddy's admin endpoint.
var profiles = []struct{ file, path string }{
	{"cpu.pprof", "/debug/pprof/profile?seconds=15"},
	{"allocs.pprof", "/debug/pprof/allocs?seconds=5"},
}

// profileRequests runs one contender, and writes profiles of its server to a folder.
func profileRequests(ctx context.Context, l *lab, name, dir string, random *rand.Rand) error {
	b := new(requestBench)
	if err := b.open(ctx, l); err != nil {
		return err
	}
	all := b.protected()
	i := slices.IndexFunc(all, func(c *gatewayContender) bool { return c.name == name })
	if i < 0 {
		names := make([]string, len(all))
		for i, c := range all {
			names[i] = c.name
		}
		return fmt.Errorf("%w: %s; there are %s", errContender, name, strings.Join(names, "; "))
	}
	c := all[i]
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, wanted := range profiles {
		loaded, stop := context.WithCancel(ctx)
		var group errgroup.Group
		group.Go(func() error {
			for loaded.Err() == nil {
				if err := play(ctx, []*contender{c.contender}, 1, random); err != nil {
					return err
				}
			}
			return nil
		})
		err := c.gateway.ask(ctx, wanted.path, func(r io.Reader) error { return save(filepath.Join(dir, wanted.file), r) })
		stop()
		if err := errors.Join(err, group.Wait()); err != nil {
			return err
		}
	}
	return nil
}

func save(file string, r io.Reader) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
