// Command mutate deletes each defence of SECURITY.md, one at a time, and reports those whose deletion no test
// notices.
//
//	go run ./internal/mutate [-only regexp]
//
// A defence is a patch in testdata, one file for each row of SECURITY.md. It is found by its text, not
// by its file, so that code can move.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	only := flag.String("only", "", "try the mutations that match this `regexp` alone")
	root := flag.String("root", ".", "the `folder` of the module")
	patches := flag.String("patches", "internal/mutate/testdata", "the `folder` of the patches, below root")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := run(ctx, *root, *patches, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
	}
	if err != nil || !ok {
		stop()
		os.Exit(1)
	}
}

// run reports whether every mutation is noticed.
func run(ctx context.Context, root, patches, only string) (ok bool, err error) {
	filter, err := regexp.Compile(only)
	if err != nil {
		return false, err
	}
	if root, err = filepath.Abs(root); err != nil {
		return false, err
	}
	rows, err := readPatches(filepath.Join(root, patches))
	if err != nil {
		return false, err
	}
	mutations := slices.DeleteFunc(mutationsOf(rows), func(m mutation) bool { return !filter.MatchString(m.ID()) })
	s, err := readSource(root)
	if err != nil {
		return false, err
	}
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(work)
	outcomes, err := try(ctx, s, mutations, work, os.Stderr)
	if err != nil {
		return false, err
	}
	return report(os.Stdout, outcomes), nil
}

// report prints the failures, and the number of mutations.
func report(to io.Writer, outcomes []outcome) (ok bool) {
	bad := 0
	for _, o := range outcomes {
		switch {
		case o.Err != nil:
			_, _ = fmt.Fprintf(to, "broken: %s: %v\n", o.Mutation.ID(), o.Err)
		case !o.Noticed():
			_, _ = fmt.Fprintf(to, "survived: %s: passed by %s\n", o.Mutation.ID(), strings.Join(o.Survived(), ", "))
		default:
			continue
		}
		bad++
	}
	_, _ = fmt.Fprintf(to, "mutate: %d mutations, %d not noticed\n", len(outcomes), bad)
	return bad == 0
}
