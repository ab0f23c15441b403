// Package docs holds the documents that the gateway hands out as they stand in this folder.
package docs

import _ "embed"

//go:embed openapi.yaml
var openAPI string

// OpenAPI is the OpenAPI 3.1 document of the gateway's HTTP API, as YAML. The gateway that it describes is at
// [ExamplePublicURL] and [ExamplePath].
func OpenAPI() string { return openAPI }

// Where the documents' examples are.
const (
	// ExamplePublicURL stands for public_url.
	ExamplePublicURL = "https://app.example.be"
	// ExamplePath stands for path.
	ExamplePath = "/itsme"
)
