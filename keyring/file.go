package keyring

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// maxFile bounds the bytes of a key file that are read: a wrong path must not fill memory.
const maxFile = 1 << 20

// ReadFile reads the one key in a file. The empty algorithm accepts a key of any. It logs a warning for a
// file that every user of the machine can read.
func ReadFile(path string, algorithm token.Algorithm, log *slog.Logger) (*token.KeySet, error) {
	data, mode, err := readRegular(path)
	if err != nil {
		return nil, fmt.Errorf("token key: %w; name a PEM or JWK file that Caddy may read, or leave key out, and the gateway makes its keys", err)
	}
	key, err := token.ParseKey(data, algorithm)
	if err != nil {
		return nil, fmt.Errorf("token key: %s: %w", path, err)
	}
	if mode.Perm()&0o007 != 0 {
		// It is no error: Kubernetes mounts a container's secrets like this.
		log.Warn("every user of this machine can reach the signing key; run chmod o= on the file", slog.String("file", path))
	}
	return token.NewKeySet(key)
}

func readRegular(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path) // before it is opened: to open a named pipe waits for a writer
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		return nil, 0, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	data, err := io.ReadAll(io.LimitReader(file, maxFile))
	return data, info.Mode(), err
}
