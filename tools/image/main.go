// Command image writes an OCI image of release binaries, without a container engine.
//
// The image holds the binary and two empty folders, and nothing else: no shell, no package manager, no
// certificates (Caddy links a set of its own). One build of the binaries gives the same bytes
// everywhere. Beside the image stands one SPDX document for each binary, made from what Go's linker
// wrote into it.
//
//	go run . -output ../../dist/image ../../dist/caddy-itsme-linux-amd64 ../../dist/caddy-itsme-linux-arm64
package main

import (
	"debug/buildinfo"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func main() {
	output := flag.String("output", "image", "folder for the OCI image layout and the SPDX documents; it is replaced")
	flag.Parse()
	if err := write(*output, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// reference is the name of the image in its folder. A registry gives it another one.
const reference = "release"

// binary is a program as Go's linker built it.
type binary struct {
	path string
	info *buildinfo.BuildInfo
	data []byte
}

// read reads a binary and the build information in it.
func read(path string) (*binary, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading build information of %s: %w", path, err)
	}
	b := &binary{path, info, data}
	if b.setting("GOOS") != "linux" || b.setting("CGO_ENABLED") != "0" {
		return nil, fmt.Errorf("%s is no static binary for Linux: build it with make dist", path)
	}
	return b, nil
}

// setting returns a setting of the build, such as GOARCH or vcs.revision.
func (b *binary) setting(key string) string {
	for _, s := range b.info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// committed returns when the commit was made that the binary was built from. It stands for the time of
// the build, so that two builds of a commit are equal.
func (b *binary) committed() time.Time {
	at, err := time.Parse(time.RFC3339, b.setting("vcs.time"))
	if err != nil {
		return time.Unix(0, 0).UTC()
	}
	return at.UTC()
}

// write writes the image of some binaries, one for each architecture, and their SPDX documents.
func write(folder string, paths []string) error {
	if len(paths) == 0 {
		return fmt.Errorf("no binary is named: build one with make dist SYSTEMS=linux/amd64")
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	documents := map[string][]byte{}
	for _, path := range paths {
		b, err := read(path)
		if err != nil {
			return err
		}
		image, err := imageOf(b)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		platform := v1.Platform{OS: "linux", Architecture: b.setting("GOARCH")}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
		if documents[filepath.Base(path)+".spdx.json"], err = spdx(b); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	// One reference names the image of every architecture.
	named := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{
		Add: index, Descriptor: v1.Descriptor{Annotations: map[string]string{"org.opencontainers.image.ref.name": reference}},
	})
	if _, err := layout.Write(folder, named); err != nil {
		return err
	}
	for name, document := range documents {
		if err := os.WriteFile(filepath.Join(folder, name), document, 0o644); err != nil {
			return err
		}
	}
	return nil
}
