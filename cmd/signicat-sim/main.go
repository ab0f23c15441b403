// Command signicat-sim runs a simulator of Signicat's Authentication REST API with itsme, and of the phone, for demos
// and for tests in any language. It identifies no user. -help lists its flags and its management API.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
