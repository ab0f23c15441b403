package main

import (
	"context"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// starts is the number of starts of each server.
const starts = 9

// measureStarts returns the time that the gateway adds to Caddy's start, up to the first answer.
func measureStarts(ctx context.Context, l *lab) ([]row, error) {
	var longer []float64
	for range starts {
		plain, err := l.plain(ctx, "")
		if err != nil {
			return nil, err
		}
		plain.stop()
		with, err := l.itsme(ctx, token.ES256, "127.0.0.1:1")
		if err != nil {
			return nil, err
		}
		with.stop()
		longer = append(longer, float64(with.started-plain.started)/float64(time.Millisecond))
	}
	return []row{{what: "start to first answer, beyond plain Caddy's", unit: "ms", sample: longer, goal: 150}}, nil
}
