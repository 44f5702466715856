package jobs

// Progress is told how a run goes on. Begin is called again for a stage when more work is found: totals add up. Methods are
// called from several goroutines.
type Progress interface {
	Begin(stage string, total int64, unit string) // unit: "bytes", "records", "files"
	Add(stage string, n int64)
}

// The stages of a run, in order.
const (
	StageScan    = "scan"    // bytes of staging objects
	StageWrite   = "write"   // records
	StageHold    = "hold"    // bytes of Parquet
	StagePublish = "publish" // files
)

// noProgress is used where none is given.
type noProgress struct{}

func (noProgress) Begin(string, int64, string) {}
func (noProgress) Add(string, int64)           {}
