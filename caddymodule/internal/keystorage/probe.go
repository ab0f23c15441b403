package keystorage

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"

	"github.com/caddyserver/certmagic"
)

// errProbe is returned when storage returns a value other than the stored one.
var errProbe = errors.New("it returned another value")

// Probe locks, writes, reads and deletes a key with a random name. Its error names the step that failed.
func Probe(ctx context.Context, storage certmagic.Storage) (err error) {
	name := "doctor_" + rand.Text()
	key, value := path.Join("itsme", name), []byte(rand.Text())
	if err := storage.Lock(ctx, "itsme_"+name); err != nil {
		return fmt.Errorf("locking: %w", err)
	}
	defer func() {
		err = errors.Join(err, storage.Unlock(context.WithoutCancel(ctx), "itsme_"+name))
	}()
	if err := storage.Store(ctx, key, value); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	read, err := storage.Load(ctx, key)
	switch deleted := storage.Delete(context.WithoutCancel(ctx), key); {
	case err != nil:
		return fmt.Errorf("reading: %w", err)
	case !bytes.Equal(read, value):
		return fmt.Errorf("reading: %w", errProbe)
	case deleted != nil:
		return fmt.Errorf("deleting: %w", deleted)
	}
	return nil
}
