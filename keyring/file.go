package keyring

import (
	"fmt"
	"log/slog"

	"github.com/caddy-itsme/caddy-itsme/internal/regularfile"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// ReadFile reads the one key in a file. The empty algorithm accepts a key of any. It logs a warning for a
// file that every user of the machine can read.
func ReadFile(path string, algorithm token.Algorithm, log *slog.Logger) (*token.KeySet, error) {
	data, mode, err := regularfile.Read(path)
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
