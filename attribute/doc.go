// Package attribute translates the attributes that Signicat sends of a user: from Signicat's name to
// the claim in our tokens, and from the claim to the header that an upstream gets.
package attribute
