package main

// exportFiles lists the export of each OCSF version, as the module names its files. A new version also needs a line in
// internal/ocsf/versions.go, and its differences in supplement.go.
func exportFiles() []string {
	return []string{"v1.0-schema.json", "v1.1-schema.json", "v1.2-schema.json"}
}
