// Package keyring keeps the signing keys of a gateway. It makes, rotates and drops them, and shares
// them between replicas.
//
// # Where keys are
//
// A [Storage] holds documents that replicas share. A [Keyring] has Caddy's storage, and that of the
// store (Redis) if the gateway has one. Either the store holds the keys and Caddy's storage a copy, or
// Caddy's storage holds the keys and the store their IDs. A replica that knows newer keys than it finds
// puts them back.
//
// # Guarantees
//
//   - A dropped key never signs or verifies again. The IDs of dropped keys are in a document of
//     their own. A replica uses the union of its memory, Caddy's storage and the store, and adds the
//     IDs that a place lacks.
//   - A key of another gateway, issuer or store prefix never signs or verifies.
//   - An older set that is written over a newer one is not used. Each change of a set raises its
//     revision, and a replica uses the highest revision that it has seen.
//   - A replica makes no keys while the store knows IDs of keys that it cannot find.
//   - Keys of a replaced set verify until their tokens have expired.
package keyring
