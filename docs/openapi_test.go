package docs_test

import (
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
)

// openAPIPages are the documents from which developers generate clients.
var openAPIPages = []string{"docs/openapi.yaml", "docs/admin-openapi.yaml"}

// TestEveryValueHasAType finds schemas that name their values and not the type. Generators make any, unknown
// or an empty struct of them.
func TestEveryValueHasAType(t *testing.T) {
	t.Parallel()
	for _, page := range openAPIPages {
		checked := 0
		walkMappings(parsePage(t, page), func(at []string, members map[string]*yaml.Node) {
			if len(at) > 0 && slices.Contains([]string{"properties", "example", "examples", "value"}, at[len(at)-1]) {
				return // its members are names or data
			}
			for _, keyword := range []string{"const", "enum"} {
				if members[keyword] == nil {
					continue
				}
				checked++
				if members["type"] == nil {
					t.Errorf("%s: %s has %s without type", page, strings.Join(at, "."), keyword)
				}
			}
		})
		if checked == 0 {
			t.Errorf("%s: no const and no enum", page)
		}
	}
}

// TestComponentsShareNoNames finds two components of one name. Generators for Go and TypeScript make a type of
// each component, all in one package.
func TestComponentsShareNoNames(t *testing.T) {
	t.Parallel()
	for _, page := range openAPIPages {
		var document struct {
			Components map[string]map[string]yaml.Node
		}
		if err := parsePage(t, page).Decode(&document); err != nil {
			t.Fatal(err)
		}
		section := make(map[string]string)
		for _, of := range []string{"schemas", "responses", "parameters", "headers", "requestBodies"} {
			for name := range document.Components[of] {
				key := strings.ToLower(name)
				if other, twice := section[key]; twice {
					t.Errorf("%s: %s is in %s and in %s", page, name, other, of)
				}
				section[key] = of
			}
		}
		if len(section) == 0 {
			t.Errorf("%s has no components", page)
		}
	}
}

// TestFormsAreFlat finds forms whose schema has variants. No generator makes a form of oneOf that compiles
// and sends what was meant.
func TestFormsAreFlat(t *testing.T) {
	t.Parallel()
	schemas := make(map[string]map[string]*yaml.Node)
	var forms []string
	walkMappings(parsePage(t, "docs/openapi.yaml"), func(at []string, members map[string]*yaml.Node) {
		if len(at) == 3 && at[0] == "components" && at[1] == "schemas" {
			schemas[at[2]] = members
		}
		if len(at) > 0 && at[len(at)-1] == "application/x-www-form-urlencoded" {
			var form struct {
				Schema struct {
					Ref string `yaml:"$ref"`
				}
			}
			if err := members["schema"].Decode(&form.Schema); err != nil || form.Schema.Ref == "" {
				t.Errorf("%s: no reference to a schema", strings.Join(at, "."))
			}
			forms = append(forms, strings.TrimPrefix(form.Schema.Ref, "#/components/schemas/"))
		}
	})
	if len(forms) < 3 {
		t.Errorf("only the forms %q", forms)
	}
	for _, name := range forms {
		for keyword := range schemas[name] {
			if !slices.Contains([]string{"type", "description", "required", "properties"}, keyword) {
				t.Errorf("the form %s has %s", name, keyword)
			}
		}
		if schemas[name]["properties"] == nil {
			t.Errorf("the form %s has no properties", name)
		}
	}
}

func parsePage(t *testing.T, page string) *yaml.Node {
	t.Helper()
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(repotest.ReadFile(t, page)), &node); err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	return node.Content[0]
}

// walkMappings visits every mapping below a node, with the keys that lead to it.
func walkMappings(node *yaml.Node, visit func(at []string, members map[string]*yaml.Node), at ...string) {
	switch node.Kind {
	case yaml.SequenceNode:
		for _, item := range node.Content {
			walkMappings(item, visit, slices.Concat(at, []string{"-"})...)
		}
	case yaml.MappingNode:
		members := make(map[string]*yaml.Node)
		for i := 0; i+1 < len(node.Content); i += 2 {
			members[node.Content[i].Value] = node.Content[i+1]
		}
		visit(at, members)
		for key, value := range members {
			walkMappings(value, visit, slices.Concat(at, []string{key})...)
		}
	}
}

// TestEveryMemberIsDescribed finds parameters, headers and members of bodies without a description. A developer
// would have to guess their meaning and unit.
func TestEveryMemberIsDescribed(t *testing.T) {
	t.Parallel()
	const least, leastOfAdmin = 300, 25 // of more than 500, and of 30
	wantDescribed(t, "docs/openapi.yaml", least)
	wantDescribed(t, "docs/admin-openapi.yaml", leastOfAdmin)
}

func wantDescribed(t *testing.T, page string, least int) {
	t.Helper()
	parts := make(map[string]map[string]*yaml.Node)
	walkMappings(parsePage(t, page), func(at []string, members map[string]*yaml.Node) {
		parts["#/"+strings.Join(at, "/")] = members
	})
	checked := 0
	for at, members := range parts {
		path := strings.Split(at, "/")
		narrowed := slices.Contains(path, "allOf") // another schema describes the member
		data := slices.Contains(path, "example") || slices.Contains(path, "examples")
		parameter := members["in"] != nil && members["name"] != nil
		member := slices.Contains([]string{"properties", "headers"}, path[max(0, len(path)-2)])
		if narrowed || data || !parameter && !member {
			continue
		}
		checked++
		if !isDescribed(parts, members) {
			t.Errorf("%s: %s has no description", page, at)
		}
	}
	if checked < least {
		t.Errorf("%s: only %d members were found", page, checked)
	}
}

// isDescribed reports whether a part of a document has a description, or the component to which it refers.
func isDescribed(parts map[string]map[string]*yaml.Node, part map[string]*yaml.Node) bool {
	if description := part["description"]; description != nil {
		return description.Value != ""
	}
	reference := part["$ref"]
	return reference != nil && isDescribed(parts, parts[reference.Value])
}
