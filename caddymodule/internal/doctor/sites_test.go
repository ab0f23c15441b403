package doctor

import (
	"encoding/json"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

func TestDoctorReadsLogs(t *testing.T) {
	for _, row := range []struct {
		name, log string
		want      Name
	}{
		{"no level, which is INFO", `{}`, debugLogsSafe},
		{"INFO", `{"level": "INFO"}`, debugLogsSafe},
		{"DEBUG", `{"level": "DEBUG"}`, debugLogsIdentity},
		{"DEBUG in small letters", `{"level": "debug"}`, debugLogsIdentity},
		{"DEBUG from a variable", `{"level": "{env.ITSME_TEST_LEVEL}"}`, debugLogsIdentity},
		{"JSON without a filter", `{"level": "DEBUG", "encoder": {"format": "json"}}`, debugLogsIdentity},
		{"the filter", `{"level": "DEBUG", "encoder": {"format": "filter", "fields": {"request": {"filter": "itsme"}}}}`, debugLogsSafe},
		{"the filter of headers alone", `{"level": "DEBUG", "encoder": {"format": "filter", "fields": {"request>headers": {"filter": "itsme"}}}}`, debugLogsSafe},
		{"headers left out", `{"level": "DEBUG", "encoder": {"format": "filter", "fields": {"request>headers": {"filter": "delete"}}}}`, debugLogsSafe},
		{"another filter", `{"level": "DEBUG", "encoder": {"format": "filter", "fields": {"request>remote_ip": {"filter": "delete"}}}}`, debugLogsIdentity},
		{"headers under another name", `{"level": "DEBUG", "encoder": {"format": "filter", "fields": {"request>headers": {"filter": "rename", "name": "h"}}}}`, debugLogsIdentity},
		{"another field", `{"level": "DEBUG", "encoder": {"format": "filter", "fields": {"uri": {"filter": "itsme"}}}}`, debugLogsIdentity},
		{"the filter in another encoder", `{"level": "DEBUG", "encoder": {"format": "append", "wrap": {"format": "filter", "fields": {"request": {"filter": "itsme"}}}}}`, debugLogsSafe},
		{"an encoder that wraps none", `{"level": "DEBUG", "encoder": {"format": "append"}}`, debugLogsIdentity},
		{"an encoder that is not known", `{"level": "DEBUG", "encoder": {"format": "transform"}}`, debugLogsSafe},
		{"discarded", `{"level": "DEBUG", "writer": {"output": "discard"}}`, debugLogsSafe},
		{"access logs alone", `{"level": "DEBUG", "include": ["http.log.access"]}`, debugLogsSafe},
		{"handlers alone", `{"level": "DEBUG", "include": ["http.handlers"]}`, debugLogsIdentity},
		{"a name that only begins the same", `{"level": "DEBUG", "include": ["http.handlers.reverse"]}`, debugLogsSafe},
		{"everything but reverse_proxy", `{"level": "DEBUG", "exclude": ["http.handlers.reverse_proxy"]}`, debugLogsSafe},
		{"everything but handlers", `{"level": "DEBUG", "exclude": ["http.handlers"]}`, debugLogsSafe},
		{"everything but TLS", `{"level": "DEBUG", "exclude": ["tls"]}`, debugLogsIdentity},
		{"no modules", `{"level": "DEBUG", "exclude": ["*"]}`, debugLogsSafe},
		{"reverse_proxy of handlers that are left out", `{"level": "DEBUG", "include": ["http.handlers.reverse_proxy"], "exclude": ["http.handlers"]}`, debugLogsIdentity},
		{"all handlers but reverse_proxy", `{"level": "DEBUG", "include": ["http.handlers"], "exclude": ["http.handlers.reverse_proxy"]}`, debugLogsSafe},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Setenv("ITSME_TEST_LEVEL", "DEBUG")
			d := doctor{replacer: caddy.NewReplacer()}
			if err := json.Unmarshal([]byte(`{"default": `+row.log+`}`), &d.Logs); err != nil {
				t.Fatal(err)
			}
			if got := d.checkLogs(t.Context()); len(got) != 1 || got[0].Name != row.want {
				t.Errorf("got %+v, want %s", got, row.want)
			}
		})
	}
}
