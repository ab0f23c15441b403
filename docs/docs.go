// Package docs embeds the documents of this folder that the gateway serves.
package docs

import _ "embed"

//go:embed openapi.yaml
var openAPI string

// OpenAPI returns the OpenAPI 3.1 document of the gateway's HTTP API, as YAML. It describes a gateway at
// [ExamplePublicURL] and [ExamplePath].
func OpenAPI() string { return openAPI }

// The placeholders for a gateway's own values in the documents.
const (
	// ExamplePublicURL stands for public_url.
	ExamplePublicURL = "https://app.example.be"
	// ExamplePath stands for path.
	ExamplePath = "/itsme"
)
