package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// The types below are the parts of CycloneDX 1.5 that the SBOM uses. It has no time and no serial number, so that the same source
// always gives the same file.
type cyclonedx struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   metadata    `json:"metadata"`
	Components []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Ref      string          `json:"bom-ref"`
	Type     string          `json:"type"`
	Name     string          `json:"name"`
	Version  string          `json:"version"`
	PURL     string          `json:"purl,omitempty"`
	Hashes   []hash          `json:"hashes,omitempty"`
	Licences []licenceChoice `json:"licenses,omitempty"`
	Within   []property      `json:"properties,omitempty"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type licenceChoice struct {
	Licence licence `json:"license"`
}

// licence has an ID if SPDX knows the licence, and a name otherwise.
type licence struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// sbom is the SBOM of a binary.
func sbom(b binary, parts []part) ([]byte, error) {
	const module = "github.com/silt-etl/silt"
	bom := cyclonedx{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: metadata{component{Ref: "etl", Type: "application", Name: module, Version: b.Version,
		Hashes: []hash{{"SHA-256", b.SHA256}}, Licences: choices([]string{"Apache-2.0"})}}}
	for _, p := range parts {
		c := component{Ref: p.Folder(), Type: "library", Name: p.Name, Version: p.Version, Licences: choices(p.Licences)}
		if p.PURL != "" {
			c.PURL, c.Type = p.PURL, "data"
		} else if p.Within == "" {
			c.PURL = "pkg:golang/" + strings.ReplaceAll(p.Name, "+", "%2B") + "@" + strings.ReplaceAll(p.Version, "+", "%2B")
		} else {
			c.PURL = "pkg:generic/" + p.Name + "@" + p.Version
			c.Within = []property{{"silt:module", p.Within}}
		}
		if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p.Sum, "h1:")); err == nil && len(raw) > 0 {
			c.Hashes = []hash{{"SHA-256", hex.EncodeToString(raw)}} // go.sum's digest of the module's files
		}
		bom.Components = append(bom.Components, c)
	}
	out, err := json.MarshalIndent(bom, "", "  ")
	return append(out, '\n'), err
}

func choices(ids []string) (all []licenceChoice) {
	for _, id := range ids {
		if strings.HasPrefix(id, "LicenseRef-") {
			all = append(all, licenceChoice{licence{Name: strings.TrimPrefix(id, "LicenseRef-")}})
		} else {
			all = append(all, licenceChoice{licence{ID: id}})
		}
	}
	return all
}
