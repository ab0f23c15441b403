package keyring

import "context"

// The documents of a gateway, by their names in a [Storage].
const (
	// KeysDocument is the set of keys, private ones included.
	KeysDocument = "keys"
	// DroppedDocument is the IDs of the keys that were dropped.
	DroppedDocument = "dropped"
	// KnownDocument is the IDs of the keys that are in use. Only the store has it.
	KnownDocument = "known"
)

// maxDocument bounds a document, in bytes. A set of RSA keys takes some 10 KiB.
const maxDocument = 256 << 10

// Storage keeps the documents of one gateway where its replicas share them. Both methods do I/O,
// within the context's time.
type Storage interface {
	// Read returns a document, and nil where there is none.
	Read(ctx context.Context, document string) ([]byte, error)

	// Update replaces a document by what change makes of it, unless another replica replaces it
	// at the same time: change is then called again. It gets nil where there is no document. An
	// error of change, or the same bytes, leave the document as it is.
	Update(ctx context.Context, document string, change func(held []byte) ([]byte, error)) error

	// Where names a document to an operator.
	Where(document string) string
}
