// Package flow holds the scenarios of a gateway in a plain net/http server and in a bubble of
// testing/synctest. Every answer is compared with docs/openapi.yaml.
package flow
