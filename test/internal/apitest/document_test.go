package apitest

import (
	"testing"

	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/pb33f/libopenapi/orderedmap"
)

func TestDocumentIsOpenAPI(t *testing.T) {
	t.Parallel()
	if _, failed := published.validator.ValidateDocument(); len(failed) > 0 {
		t.Errorf("docs/openapi.yaml: %q", messages(failed))
	}
}

// contents returns the bodies of every request and answer of the document, by their place.
func contents() map[string]*orderedmap.Map[string, *v3.MediaType] {
	found := make(map[string]*orderedmap.Map[string, *v3.MediaType])
	for path, item := range published.document.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			if operation.RequestBody != nil {
				found[method+" "+path] = operation.RequestBody.Content
			}
			for status, response := range operation.Responses.Codes.FromOldest() {
				found[method+" "+path+" "+status] = response.Content
			}
		}
	}
	return found
}

// TestExamplesAreValid is not parallel: the library writes into the document while it compiles a schema.
func TestExamplesAreValid(t *testing.T) {
	const least = 20 // a document without examples must fail
	checked := 0
	for where, content := range contents() {
		for media := orderedmap.First(content); media != nil; media = media.Next() {
			for example := orderedmap.First(media.Value().Examples); example != nil; example = example.Next() {
				checked++
				for _, failed := range exampleErrors(t, media.Value(), example.Value().Value.Decode) {
					t.Errorf("the example %s of %s: %s", example.Key(), where, failed)
				}
			}
		}
	}
	if checked < least {
		t.Errorf("only %d examples were found", checked)
	}
}

// exampleErrors returns what a schema rejects in an example.
func exampleErrors(t *testing.T, media *v3.MediaType, decode func(any) error) []string {
	t.Helper()
	var value any
	if err := decode(&value); err != nil {
		t.Fatal(err)
	}
	v := schema_validation.NewSchemaValidator(config.WithFormatAssertions())
	_, failed := v.ValidateSchemaObject(media.Schema.Schema(), value)
	return messages(failed)
}

// TestBadExampleIsSeen is not parallel, for the same reason as TestExamplesAreValid.
func TestBadExampleIsSeen(t *testing.T) {
	media := contents()["get /sessions/{session_id} 200"].GetOrZero("application/json")
	decode := func(into any) error {
		*into.(*any) = map[string]any{"status": "lost", "expires_in": 1}
		return nil
	}
	if failed := exampleErrors(t, media, decode); len(failed) == 0 {
		t.Error("the schema accepts an example with an unknown status")
	}
}
