package caddymodule

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

const storageRemedy = "make Caddy's storage reachable and writable, or name a key file"

// keyStorage keeps the documents of a gateway's keys in Caddy's storage, each in a file of its own.
type keyStorage struct {
	storage certmagic.Storage
	gateway string
	log     *slog.Logger
}

func (s keyStorage) key(document string) string {
	return path.Join("itsme", s.gateway, document+".json")
}

// Where implements keyring.Storage.
func (s keyStorage) Where(document string) string { return s.key(document) + " in storage" }

// Read implements keyring.Storage. It takes no lock: documents are written whole.
func (s keyStorage) Read(ctx context.Context, document string) ([]byte, error) {
	data, err := s.storage.Load(ctx, s.key(document))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w; %s", s.Where(document), err, storageRemedy)
	}
	if data == nil {
		data = []byte{} // a file that is there
	}
	return data, nil
}

// Update implements keyring.Storage. It makes the change under a lock.
func (s keyStorage) Update(ctx context.Context, document string, change func([]byte) ([]byte, error)) error {
	lock := "itsme_" + document + "_" + s.gateway
	if err := s.storage.Lock(ctx, lock); err != nil {
		return fmt.Errorf("locking storage: %w; %s", err, storageRemedy)
	}
	defer func() {
		if err := s.storage.Unlock(context.WithoutCancel(ctx), lock); err != nil {
			s.log.Warn("unlocking storage after changing signing keys", slog.Any("error", err))
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
		return fmt.Errorf("writing %s: %w; %s", s.Where(document), err, storageRemedy)
	}
	return nil
}

var _ keyring.Storage = keyStorage{}
