package main

import (
	"io"
	"os"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

// bars shows a bar for each stage of a run on a terminal. It implements jobs.Progress.
type bars struct {
	p      *mpb.Progress
	mu     sync.Mutex
	bars   map[string]*mpb.Bar
	totals map[string]int64
}

// isTerminal says whether w is a terminal.
func isTerminal(w any) bool {
	f, ok := unwrapped(w).(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// unwrapped is what a command's output goes to.
func unwrapped(w any) any {
	if s, ok := w.(*render.SafeWriter); ok {
		return s.Unwrap()
	}
	return w
}

func newBars(w io.Writer) *bars {
	return &bars{p: mpb.New(mpb.WithOutput(w), mpb.WithWidth(48)), bars: map[string]*mpb.Bar{}, totals: map[string]int64{}}
}

// Begin starts a stage with a total number of units; unit "bytes" is printed as sizes. A total of 0 means that it is not known yet.
func (b *bars) Begin(stage string, total int64, unit string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.totals[stage] += total
	if old := b.bars[stage]; old != nil {
		old.SetTotal(b.totals[stage], false)
		return
	}
	counters := decor.CountersNoUnit("%d / %d", decor.WC{W: 24})
	speed := decor.AverageSpeed(0, "%.0f/s", decor.WC{W: 14})
	if unit == "bytes" {
		counters = decor.CountersKibiByte("% .1f / % .1f", decor.WC{W: 24})
		speed = decor.AverageSpeed(decor.SizeB1024(0), "% .1f", decor.WC{W: 14})
	}
	bar := b.p.AddBar(0, mpb.PrependDecorators(decor.Name(stage, decor.WC{W: 9, C: decor.DindentRight}), counters),
		mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), speed))
	bar.SetTotal(b.totals[stage], false) // a bar created with a total ends when it reaches the total, but totals grow
	b.bars[stage] = bar
}

// Add moves a stage forward.
func (b *bars) Add(stage string, n int64) {
	b.mu.Lock()
	bar := b.bars[stage]
	b.mu.Unlock()
	if bar != nil {
		bar.IncrInt64(n)
	}
}

// End completes every bar.
func (b *bars) End() {
	b.mu.Lock()
	for _, bar := range b.bars {
		bar.SetTotal(-1, true)
	}
	b.mu.Unlock()
	b.p.Wait()
}

var _ jobs.Progress = (*bars)(nil)

// runAndPrint runs a job and prints its summary. If standard error is a terminal, a bar for each stage takes the place of the log.
func (a *app) runAndPrint(r *jobs.Runner, noBars bool, output string, run func() (*report.Summary, error)) error {
	end := func() {}
	if isTerminal(a.stderr) && !noBars {
		b := newBars(unwrapped(a.stderr).(*os.File))
		r.Progress, r.LogTo, end = b, io.Discard, b.End
	}
	r.Abandon = func(err error) { os.Exit(printError(a.stderr, err)) }
	sum, err := run()
	err = a.box.explain(err)
	end()
	if e := printSummary(a.stdout, output, sum); e != nil && err == nil {
		return e
	}
	return err
}

func printSummary(w io.Writer, output string, sum *report.Summary) error {
	if output == "json" {
		return printJSON(w, sum)
	}
	sum.WriteText(w)
	return nil
}

// terminalWidth is the width of a terminal in columns, or 0 if w is not a terminal.
func terminalWidth(w io.Writer) int {
	f, ok := unwrapped(w).(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}
