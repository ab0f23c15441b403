// Package thirdparty has the libraries of other projects verify the gateway's tokens.
package thirdparty
