package main

// moduleFiles lists the exports that the Go module has. Their tables were first, and lakes have been written with them.
func moduleFiles() []string {
	return []string{"v1.0-schema.json", "v1.1-schema.json", "v1.2-schema.json"}
}

// The Python package with the exports that schema.ocsf.io gives, and the digest of its wheel on PyPI. It is made into the tables of
// the versions that the module lacks, and into the numbers of observables of all versions.
const (
	wheelPackage = "ocsf-json-schema"
	wheelVersion = "1.2.0"
	wheelSHA256  = "64d819042d20c3c04bc0d024c7c47c41006ebbe0209ce768ba6efa1240106708"
	wheelFolder  = "ocsf_json_schema/ocsf"
	wheelInfo    = "ocsf_json_schema-" + wheelVersion + ".dist-info"
)
