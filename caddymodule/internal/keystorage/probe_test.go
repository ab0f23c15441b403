package keystorage

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/caddyserver/certmagic"
)

// forgetful is storage that gives back something else than it was given, and cannot delete.
type forgetful struct {
	certmagic.Storage
	read      []byte
	delete    error
	deletions int
}

func (f *forgetful) Load(ctx context.Context, key string) ([]byte, error) {
	if f.read != nil {
		return f.read, nil
	}
	return f.Storage.Load(ctx, key)
}

func (f *forgetful) Delete(ctx context.Context, key string) error {
	f.deletions++
	if f.delete != nil {
		return f.delete
	}
	return f.Storage.Delete(ctx, key)
}

func TestProbeTellsWhatStorageCannotDo(t *testing.T) {
	t.Parallel()
	good := func() certmagic.Storage { return &certmagic.FileStorage{Path: t.TempDir()} }
	for _, row := range []struct {
		name    string
		storage certmagic.Storage
		doing   string
		want    error
	}{
		{"good storage", good(), "", nil},
		{"one that cannot be locked", &failingStorage{Storage: good(), lock: fs.ErrPermission}, "locking: ", fs.ErrPermission},
		{"one that cannot be written", &failingStorage{Storage: good(), store: fs.ErrPermission}, "writing: ", fs.ErrPermission},
		{"one that cannot be read", &failingStorage{Storage: good(), load: fs.ErrPermission}, "reading: ", fs.ErrPermission},
		{"one that keeps something else", &forgetful{Storage: good(), read: []byte("x")}, "reading: ", errProbe},
		{"one that cannot delete", &forgetful{Storage: good(), delete: fs.ErrPermission}, "deleting: ", fs.ErrPermission},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := Probe(t.Context(), row.storage)
			if !errors.Is(err, row.want) || (err == nil) != (row.want == nil) || err != nil && !strings.HasPrefix(err.Error(), row.doing) {
				t.Errorf("got %v, want %s%v", err, row.doing, row.want)
			}
			if f, ok := row.storage.(*forgetful); ok && f.deletions != 1 {
				t.Errorf("it deletes %d times", f.deletions)
			}
		})
	}
}
