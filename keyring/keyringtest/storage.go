package keyringtest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The names of the documents in package keyring.
const (
	keys    = "keys"
	dropped = "dropped"
	known   = "known"
)

// Storage is keyring.Storage. This package cannot import keyring, whose tests import this package.
type Storage interface {
	Read(ctx context.Context, document string) ([]byte, error)
	Update(ctx context.Context, document string, change func(held []byte) ([]byte, error)) error
	Where(document string) string
}

// Run tests a storage. Each call of open returns another replica's access to the same documents, of which none
// exists yet. The other storage belongs to another gateway in the same place.
func Run(t *testing.T, open func() Storage, other Storage) {
	t.Helper()
	one, two := open(), open()
	documents := []string{keys, dropped, known}
	for _, document := range documents {
		wantDocument(t, one, document, nil)
		put(t, one, document, []byte("first "+document))
		wantDocument(t, two, document, []byte("first "+document))
		wantDocument(t, other, document, nil)
		if where := one.Where(document); !strings.Contains(where, document) || where == other.Where(document) {
			t.Errorf("%s is at %q, and the other gateway's at %q", document, where, other.Where(document))
		}
	}
	leavesAlone(t, one, two)
	binary := bytes.Repeat([]byte{0, 1, 255, '\n', ' '}, 4<<10)
	put(t, two, keys, binary)
	wantDocument(t, one, keys, binary)
	countsTogether(t, []Storage{one, two})
}

// leavesAlone checks that an error, the same bytes and nil change nothing, and that change gets the document.
func leavesAlone(t *testing.T, one, two Storage) {
	t.Helper()
	refused := errors.New("refused")
	for _, row := range []struct {
		next []byte
		err  error
	}{{[]byte("other"), refused}, {[]byte("first keys"), nil}, {nil, nil}} {
		err := one.Update(t.Context(), keys, func(held []byte) ([]byte, error) {
			if string(held) != "first keys" {
				t.Errorf("change is called with %q", held)
			}
			return row.next, row.err
		})
		if !errors.Is(err, row.err) {
			t.Errorf("the error is %v, want %v", err, row.err)
		}
		wantDocument(t, two, keys, []byte("first keys"))
	}
}

// countsTogether changes one document from several replicas at the same time, and checks that no change is lost.
func countsTogether(t *testing.T, replicas []Storage) {
	t.Helper()
	const each = 8
	put(t, replicas[0], known, []byte("0"))
	var all sync.WaitGroup
	for _, replica := range replicas {
		all.Go(func() {
			for range each {
				err := replica.Update(t.Context(), known, func(held []byte) ([]byte, error) {
					n, err := strconv.Atoi(string(held))
					return []byte(strconv.Itoa(n + 1)), err
				})
				if err != nil {
					t.Errorf("counting: %v", err)
				}
			}
		})
	}
	all.Wait()
	wantDocument(t, replicas[0], known, []byte(strconv.Itoa(each*len(replicas))))
}

func put(t *testing.T, in Storage, document string, data []byte) {
	t.Helper()
	if err := in.Update(t.Context(), document, func([]byte) ([]byte, error) { return slices.Clone(data), nil }); err != nil {
		t.Fatalf("writing %s: %v", document, err)
	}
}

func wantDocument(t *testing.T, in Storage, document string, want []byte) {
	t.Helper()
	got, err := in.Read(t.Context(), document)
	if err != nil || !bytes.Equal(got, want) || (got == nil) != (want == nil) {
		t.Errorf("%s is %.40q, %v, want %.40q", document, got, err, want)
	}
}
