package doctor

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// sharePort serves with each of the handlers on one port, as processes do that a second start leaves behind.
func sharePort(t *testing.T, handlers ...http.Handler) (url string) {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) error {
		var failed error
		err := conn.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		if err != nil {
			return err
		}
		return failed
	}}
	address := "127.0.0.1:0"
	for _, handler := range handlers {
		listener, err := config.Listen(context.Background(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		address = listener.Addr().String()
		server := httptest.NewUnstartedServer(handler)
		_ = server.Listener.Close()
		server.Listener = listener
		server.Start()
		t.Cleanup(server.Close)
	}
	return "http://" + address
}

// ready answers as a gateway's /health/ready with that instance; an empty one is a server that has none.
func ready(instance string, status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/itsme/health/ready" {
			status = http.StatusNotFound
		} else if instance != "" {
			w.Header().Set(gateway.InstanceHeader, instance)
		}
		w.WriteHeader(status)
	})
}

// TestDoctorFindsASecondProcess: a second Caddy on a port starts without an error. With store memory it loses the logins
// that begin at one of the two and come back to the other.
func TestDoctorFindsASecondProcess(t *testing.T) {
	t.Parallel()
	const memory, redis = true, false
	for name, row := range map[string]struct {
		handlers []http.Handler
		memory   bool
		want     Name
	}{
		"one process":              {[]http.Handler{ready("A", 200)}, memory, instanceOne},
		"one that is not ready":    {[]http.Handler{ready("A", 503)}, memory, instanceOne},
		"two processes":            {[]http.Handler{ready("A", 200), ready("B", 200)}, memory, instanceSeveral},
		"one of them is not ready": {[]http.Handler{ready("A", 503), ready("B", 200)}, memory, instanceSeveral},
		"three processes":          {[]http.Handler{ready("A", 200), ready("B", 200), ready("C", 200)}, memory, instanceSeveral},
		"a server without one":     {[]http.Handler{ready("", 200)}, memory, instanceUnknown},
		"another server":           {[]http.Handler{http.NotFoundHandler()}, memory, instanceUnknown},
		"two replicas with Redis":  {[]http.Handler{ready("A", 200), ready("B", 200)}, redis, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := sharePort(t, row.handlers...)
			d := &doctor{fetch: newFetcher(nil)}
			got := d.checkInstances(t.Context(), &Gateway{Memory: row.memory, Config: gateway.Config{PublicURL: url, Path: "/itsme"}})
			switch {
			case row.want == "":
				if len(got) != 0 {
					t.Errorf("got %+v", got)
				}
			case len(got) != 1 || got[0].Name != row.want || !strings.Contains(got[0].Message, url):
				t.Errorf("got %+v, want %s", got, row.want)
			}
		})
	}
}
