// Package keystorage keeps the signing keys of gateways in Caddy's storage. A command may run as another
// user than Caddy; each file keeps its owner all the same.
package keystorage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"

	"github.com/caddyserver/certmagic"

	"github.com/caddy-itsme/caddy-itsme/keyring"
)

const remedy = "make Caddy's storage reachable and writable, or name a key file"

// Storage keeps the documents of one gateway's keys, each in a file of its own.
type Storage struct {
	storage certmagic.Storage
	gateway string
	log     *slog.Logger
}

// New returns the storage of a gateway's keys. It does no I/O.
func New(storage certmagic.Storage, gateway string, log *slog.Logger) Storage {
	return Storage{storage: storage, gateway: gateway, log: log}
}

func (s Storage) key(document string) string {
	return path.Join("itsme", s.gateway, document+".json")
}

// Where implements keyring.Storage.
func (s Storage) Where(document string) string { return s.key(document) + " in storage" }

// Read implements keyring.Storage. It takes no lock: documents are written whole.
func (s Storage) Read(ctx context.Context, document string) ([]byte, error) {
	data, err := s.storage.Load(ctx, s.key(document))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w; %s", s.Where(document), err, remedy)
	}
	if data == nil {
		data = []byte{} // the file exists, and is empty
	}
	return data, nil
}

// Update implements keyring.Storage. It makes the change under a lock.
func (s Storage) Update(ctx context.Context, document string, change func([]byte) ([]byte, error)) error {
	lock := "itsme_" + document + "_" + s.gateway
	if err := s.storage.Lock(ctx, lock); err != nil {
		return fmt.Errorf("locking storage: %w; %s", err, remedy)
	}
	defer func() {
		if err := s.storage.Unlock(context.WithoutCancel(ctx), lock); err != nil {
			s.log.Warn("unlocking storage failed after signing keys changed", slog.Any("error", err))
		}
	}()
	held, err := s.Read(ctx, document)
	if err != nil {
		return err
	}
	next, err := change(held)
	if err != nil || next == nil || bytes.Equal(next, held) {
		return err
	}
	if err := s.storage.Store(ctx, s.key(document), next); err != nil {
		return fmt.Errorf("writing %s: %w; %s", s.Where(document), err, remedy)
	}
	return nil
}

var _ keyring.Storage = Storage{}
