//go:build deadcode

package engine

// init calls the functions that DuckDB calls from C, because the deadcode tool cannot see those calls. The tag is never set in a
// build of etl.
func init() {
	siltEngineFree(nil)
	siltEngineBind(nil)
	siltEngineInit(nil)
	siltEngineLocal(nil)
	siltEngineFill(nil, nil)
	siltEngineCheck(nil, nil, nil)
	siltEngineDirection(nil, nil, nil)
	siltEngineRegion(nil, nil, nil)
	siltEngineHashes(nil, nil, nil)
	siltEngineTag(nil, nil, nil)
	siltEngineTactics(nil, nil, nil)
	siltEngineRow(nil, nil, nil)
	siltEngineValue(nil, nil, nil)
	siltEngineNoLookup(nil, nil, nil)
}
