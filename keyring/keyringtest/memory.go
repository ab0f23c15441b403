// Package keyringtest tests storages of package keyring, and has one in memory.
package keyringtest

import (
	"bytes"
	"context"
	"slices"
	"sync"
)

// Memory is a [keyring.Storage] in memory that fails on demand. The zero value is empty.
type Memory struct {
	mu        sync.Mutex
	documents map[string][]byte
	read      error
	write     error
	lock      chan struct{} // held while it has an element
}

// Fail makes every read and every write fail with these errors. Nil makes them succeed.
func (m *Memory) Fail(read, write error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read, m.write = read, write
}

// Hold makes every update wait until release is called.
func (m *Memory) Hold() (release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lock = make(chan struct{})
	return sync.OnceFunc(func() { close(m.lock) })
}

// Get returns a document, or nil without one.
func (m *Memory) Get(document string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.documents[document])
}

// Put replaces a document, as the restore of a backup does; nil removes it.
func (m *Memory) Put(document string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(document, data)
}

func (m *Memory) put(document string, data []byte) {
	if m.documents == nil {
		m.documents = make(map[string][]byte)
	}
	if data == nil {
		delete(m.documents, document)
		return
	}
	m.documents[document] = slices.Clone(data)
}

// Clear removes all documents.
func (m *Memory) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.documents)
}

// Where implements keyring.Storage.
func (m *Memory) Where(document string) string { return document + " in memory" }

// Read implements keyring.Storage.
func (m *Memory) Read(ctx context.Context, document string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.read != nil {
		return nil, m.read
	}
	return slices.Clone(m.documents[document]), ctx.Err()
}

// Update implements keyring.Storage. Change may read other documents meanwhile.
func (m *Memory) Update(ctx context.Context, document string, change func([]byte) ([]byte, error)) error {
	m.mu.Lock()
	held := m.lock
	m.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		before, err := m.Read(ctx, document)
		if err != nil {
			return err
		}
		next, err := change(slices.Clone(before))
		if err != nil || next == nil || bytes.Equal(next, before) {
			return err
		}
		if replaced, err := m.replace(document, before, next); replaced || err != nil {
			return err
		}
	}
}

func (m *Memory) replace(document string, before, next []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.write != nil {
		return false, m.write
	}
	if !bytes.Equal(m.documents[document], before) {
		return false, nil
	}
	m.put(document, next)
	return true, nil
}
