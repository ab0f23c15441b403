package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"time"
)

// A document of SPDX 2.3, as far as it is used here. Source: spdx.github.io/spdx-spec/v2.3.
type document struct {
	Version           string         `json:"spdxVersion"`
	DataLicense       string         `json:"dataLicense"`
	ID                string         `json:"SPDXID"`
	Name              string         `json:"name"`
	Namespace         string         `json:"documentNamespace"`
	CreationInfo      creationInfo   `json:"creationInfo"`
	Packages          []spdxPackage  `json:"packages"`
	DocumentDescribes []string       `json:"documentDescribes"`
	Relationships     []relationship `json:"relationships"`
}

type creationInfo struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	Name             string        `json:"name"`
	ID               string        `json:"SPDXID"`
	Version          string        `json:"versionInfo"`
	DownloadLocation string        `json:"downloadLocation"`
	FilesAnalyzed    bool          `json:"filesAnalyzed"`
	LicenseConcluded string        `json:"licenseConcluded"`
	LicenseDeclared  string        `json:"licenseDeclared"`
	Copyright        string        `json:"copyrightText"`
	Checksums        []checksum    `json:"checksums,omitempty"`
	References       []externalRef `json:"externalRefs,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type externalRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

// unknown is SPDX's word for what the document does not say.
const unknown = "NOASSERTION"

// spdx returns the document of a binary: itself, the modules that are linked into it, and Go's
// standard library.
func spdx(b *binary) ([]byte, error) {
	sum := sha256.Sum256(b.data)
	digest := hex.EncodeToString(sum[:])
	name := filepath.Base(b.path)
	self := described("SPDXRef-binary", b.info.Main.Path, b.info.Main.Version)
	self.LicenseDeclared = "Apache-2.0"
	self.Checksums = []checksum{{"SHA256", digest}}
	d := document{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: name,
		Namespace:         source + "/spdx/" + name + "-" + digest,
		CreationInfo:      creationInfo{b.committed().Format(time.RFC3339), []string{"Tool: caddy-itsme-image"}},
		Packages:          []spdxPackage{self},
		DocumentDescribes: []string{self.ID},
		Relationships:     []relationship{{"SPDXRef-DOCUMENT", "DESCRIBES", self.ID}},
	}
	linked := append([]*debug.Module{{Path: "stdlib", Version: strings.TrimPrefix(b.info.GoVersion, "go")}}, b.info.Deps...)
	for _, module := range linked {
		if module.Replace != nil {
			module = module.Replace
		}
		dependency := described(idOf(module), module.Path, module.Version)
		d.Packages = append(d.Packages, dependency)
		d.Relationships = append(d.Relationships, relationship{self.ID, "DEPENDS_ON", dependency.ID})
	}
	text, err := json.MarshalIndent(d, "", "  ")
	return append(text, '\n'), err
}

// described returns a package of which the name and the version are known.
func described(id, path, version string) spdxPackage {
	return spdxPackage{
		Name: path, ID: id, Version: version, DownloadLocation: unknown,
		LicenseConcluded: unknown, LicenseDeclared: unknown, Copyright: unknown,
		References: []externalRef{{"PACKAGE-MANAGER", "purl", fmt.Sprintf("pkg:golang/%s@%s", path, version)}},
	}
}

var noIDCharacter = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// idOf returns the SPDX identifier of a module: letters, digits, dots and hyphens.
func idOf(m *debug.Module) string {
	return "SPDXRef-" + noIDCharacter.ReplaceAllString(m.Path+"-"+m.Version, "-")
}
