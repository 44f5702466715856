package jobs

// Progress shows how a run proceeds. Begin is called again for a stage when more work is found, and the totals add up. Methods are called
// from several goroutines.
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

// noProgress is the default.
type noProgress struct{}

func (noProgress) Begin(string, int64, string) {}
func (noProgress) Add(string, int64)           {}
