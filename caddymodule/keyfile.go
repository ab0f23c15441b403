package caddymodule

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// maxKeyFile bounds what is read of a key file: a path to something else must not fill memory.
const maxKeyFile = 1 << 20

// readKeyFile reads the one key in a file. The empty algorithm takes what the key is for.
func readKeyFile(path string, algorithm token.Algorithm, log *slog.Logger) (*token.KeySet, error) {
	data, mode, err := readRegular(path)
	if err != nil {
		return nil, fmt.Errorf("token key: %w; name a PEM or JWK file that Caddy may read, or leave key out to have one made", err)
	}
	key, err := token.ParseKey(data, algorithm)
	if err != nil {
		return nil, fmt.Errorf("token key: %s: %w", path, err)
	}
	if mode.Perm()&0o007 != 0 {
		// Not refused: Kubernetes mounts secrets like this for a container of their own.
		log.Warn("everybody on this machine can reach the signing key; chmod o= it", slog.String("file", path))
	}
	return token.NewKeySet(key)
}

func readRegular(path string) ([]byte, fs.FileMode, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a file")}
	}
	data, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	return data, info.Mode(), err
}
