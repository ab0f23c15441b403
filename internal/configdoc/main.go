// Command configdoc writes docs/caddyfile.md from the source of package caddymodule: the doc
// comments of its configuration types, and the grammar above each UnmarshalCaddyfile.
//
//	go run ./internal/configdoc <folder of the package> <file to write>
//
// A field without a doc comment, or of a type that the command does not know, is an error.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: configdoc <folder of the package> <file to write>")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "configdoc:", err)
		os.Exit(1)
	}
}

func run(folder, file string) error {
	page, err := generate(folder)
	if err != nil {
		return err
	}
	return os.WriteFile(file, page, 0o644)
}
