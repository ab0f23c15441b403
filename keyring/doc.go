// Package keyring keeps the signing keys of a gateway: it makes them, rotates them, shares them
// between replicas, and never lets a dropped key come back.
//
// # Where keys are
//
// A [Storage] holds documents that replicas share. A [Keyring] has one or two of them. With one, it
// holds the keys. With two, either the one of the store (Redis) holds the keys and the other one
// (Caddy's) a copy, or the other way round the keys stay in Caddy's storage, and the store only
// remembers their IDs. A replica that knows newer keys than it finds puts them back.
//
// # What never happens
//
//   - A key that was dropped signs or verifies again. The IDs of dropped keys are a set of their
//     own, the union of what this process, Caddy's storage and the store hold; each place that
//     lacks one gets it back.
//   - A key of another gateway, issuer or store prefix signs or verifies.
//   - An older set that is written over a newer one is believed: each change of a set raises its
//     revision, and the highest revision that a replica has seen wins.
//   - A replica invents keys where the store knows IDs of keys that it cannot find.
//   - Keys vanish: those of a set that another one replaced verify until their tokens have expired.
package keyring
