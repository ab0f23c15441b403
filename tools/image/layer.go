package main

import (
	"archive/tar"
	"bytes"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	// user is the number of the user and group that run the binary.
	user = 65532
	// program is where the binary stands in the image.
	program = "usr/bin/caddy-itsme"
	source  = "https://github.com/caddy-itsme/caddy-itsme"
)

// imageOf returns the image of one binary.
func imageOf(b *binary) (v1.Image, error) {
	files, err := layerOf(b)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	made := v1.Time{Time: b.committed()}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: made, CreatedBy: "make image"},
	})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, configured(b, config.DeepCopy(), made))
}

// configured adds how a container engine starts the image.
func configured(b *binary, config *v1.ConfigFile, made v1.Time) *v1.ConfigFile {
	config.OS, config.Architecture, config.Created = "linux", b.setting("GOARCH"), made
	config.Config = v1.Config{
		User:       "65532:65532",
		Env:        []string{"XDG_DATA_HOME=/data", "XDG_CONFIG_HOME=/config"},
		Entrypoint: []string{"/" + program},
		Cmd:        []string{"run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"},
		Volumes:    map[string]struct{}{"/data": {}, "/config": {}},
		WorkingDir: "/data",
		Labels: map[string]string{
			"org.opencontainers.image.title":       "caddy-itsme",
			"org.opencontainers.image.description": "Caddy with a gateway for the Belgian eID itsme in front of HTTP services",
			"org.opencontainers.image.licenses":    "Apache-2.0",
			"org.opencontainers.image.source":      source,
			"org.opencontainers.image.version":     b.info.Main.Version,
			"org.opencontainers.image.revision":    b.setting("vcs.revision"),
			"org.opencontainers.image.created":     made.Format(time.RFC3339),
		},
	}
	return config
}

// layerOf returns the files of the image, as a tar archive.
func layerOf(b *binary) ([]byte, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	folder := func(name string, owner int, mode int64) tar.Header {
		return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode, Uid: owner, Gid: owner}
	}
	for _, h := range []tar.Header{
		folder("config/", user, 0o700),
		folder("data/", user, 0o700),
		folder("etc/", 0, 0o755),
		folder("etc/caddy/", 0, 0o755),
		folder("usr/", 0, 0o755),
		folder("usr/bin/", 0, 0o755),
		{Typeflag: tar.TypeReg, Name: program, Mode: 0o755, Size: int64(len(b.data))},
	} {
		h.ModTime, h.Format = b.committed(), tar.FormatUSTAR
		if err := w.WriteHeader(&h); err != nil {
			return nil, err
		}
	}
	if _, err := w.Write(b.data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}
