package keyring

import "context"

// The names of a gateway's documents in a [Storage].
const (
	// KeysDocument holds the keys, with the private ones.
	KeysDocument = "keys"
	// DroppedDocument holds the IDs of the dropped keys.
	DroppedDocument = "dropped"
	// KnownDocument holds the IDs of the keys in use. Only the store has it.
	KnownDocument = "known"
)

// maxDocument bounds a document, in bytes. A set of RSA keys takes some 10 KiB.
const maxDocument = 256 << 10

// Storage keeps the documents of one gateway for all its replicas. Read and Update do I/O until the
// context ends.
type Storage interface {
	// Read returns a document, or nil without one.
	Read(ctx context.Context, document string) ([]byte, error)

	// Update replaces a document by the result of change. When another replica replaces it at the same
	// time, Update calls change again. Change gets nil without a document. An error of change, or the
	// same bytes, leave the document unchanged.
	Update(ctx context.Context, document string, change func(held []byte) ([]byte, error)) error

	// Where returns the place of a document for an operator.
	Where(document string) string
}
