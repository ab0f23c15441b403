package firstlogin

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReportHoldsNoValueOfTheUser: Signicat, or a server in its place, puts values where a report keeps words, and
// values where names are.
func TestReportHoldsNoValueOfTheUser(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ body, want string }{
		"a session": {
			`{"status":"SUCCESS","loa":"high","id":"db415388-c978","sessionLifetime":1200,"subject":{"id":"tXOq=","name":"Maxence","nin":{"value":"81042419835","type":"PERSON"},"new":true}}`,
			`{"status":"SUCCESS","loa":"high","id":"(text)","sessionLifetime":1200,"subject":{"id":"(text)","name":"(text)","nin":{"value":"(text)","type":"(text)"},"new":"(boolean)"}}`,
		},
		"words within a subject":       {`{"subject":{"status":"married","code":"ABC","loa":"high","provider":"x","status2":1200,"sessionLifetime":81}}`, `{"subject":{"status":"(text)","code":"(text)","loa":"(text)","provider":"(text)","status2":"(number)","sessionLifetime":"(number)"}}`},
		"a subject in an array":        {`{"subject":[{"status":"married"},{"name":"x"}]}`, `{"subject":[{"status":"(text)"}]}`},
		"a code where an error is":     {`{"code":"9k3tv7q0mz5x8w1a2b3c4d5e6f7g8h9i0jkl"}`, `{"code":"(text)"}`},
		"a sentence where an error is": {`{"code":"unknown user Jan Peeters"}`, `{"code":"(text)"}`},
		"a value where a name is":      {`{"Jan Peeters":1,"81042419835":{"x":"y"}}`, `{"(another name)":"(number)"}`},
		"a number of a person":         {`{"status":81042419835,"expires_in":600.5}`, `{"status":"(number)","expires_in":"(number)"}`},
		"a list":                       {`["Jan","Piet"]`, `["(text)"]`},
		"a text":                       {`"Jan"`, `"(text)"`},
		"a page":                       {`<html>Jan</html>`, `"not JSON"`},
		"nothing":                      {``, `null`},
	} {
		got, err := json.Marshal(shapeOf([]byte(row.body)))
		if err != nil {
			t.Fatal(err)
		}
		var have, want any
		if json.Unmarshal(got, &have) != nil || json.Unmarshal([]byte(row.want), &want) != nil {
			t.Fatalf("%s: %s", name, got)
		}
		if name == "a value where a name is" { // one of the two members stays
			if strings.Contains(string(got), "Jan") || strings.Contains(string(got), "81042419835") {
				t.Errorf("%s: %s", name, got)
			}
			continue
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
