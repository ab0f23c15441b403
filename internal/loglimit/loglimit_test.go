package loglimit_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/loglimit"
)

// written returns the written lines by message.
func written(t *testing.T, out *bytes.Buffer) map[string][]map[string]any {
	t.Helper()
	lines := make(map[string][]map[string]any)
	for decoder := json.NewDecoder(out); decoder.More(); {
		var line map[string]any
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		message := line["msg"].(string)
		lines[message] = append(lines[message], line)
	}
	return lines
}

func TestClientsCannotFillTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := loglimit.New(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})), "of a login")
		named := log.With(slog.String("gateway", "default")).WithGroup("more")
		for range 1000 {
			log.Warn("refused")
			named.Warn("refused")
			log.Debug("detail")
			log.Info("of a login")
		}
		named.Error("another")
		time.Sleep(loglimit.Every)
		log.Warn("refused")
		log.Warn("refused")

		lines := written(t, &out)
		refused := lines["refused"]
		if len(refused) != loglimit.Burst+1 {
			t.Fatalf("%d lines of one message, want %d", len(refused), loglimit.Burst+1)
		}
		if got := refused[loglimit.Burst][loglimit.LeftOut]; got != float64(2000-loglimit.Burst) {
			t.Errorf("the next line counts %v lines left out, want %d", got, 2000-loglimit.Burst)
		}
		if _, said := refused[0][loglimit.LeftOut]; said {
			t.Error("the first line counts lines left out")
		}
		if refused[1]["gateway"] != "default" {
			t.Errorf("attributes are lost: %v", refused[1])
		}
		for message, want := range map[string]int{"detail": 1000, "of a login": 1000, "another": 1} {
			if got := len(lines[message]); got != want {
				t.Errorf("%d lines of %q, want %d", got, message, want)
			}
		}
	})
}
