package objstore

import "context"

// Links says what a folder as a store does with symbolic links. Other stores have none.
type Links int

const (
	// LinksAnywhere follows all links.
	LinksAnywhere Links = iota
	// LinksInside follows links to files and folders of the store, and no others: listing and reading stay in the folder, also if a
	// file or a folder is replaced by a link in between. Objects behind links have Object.Link.
	LinksInside
	// LinksOut follows all links. Objects behind links have Object.Link.
	LinksOut
)

type linkReport struct{}

// WithLinkReport returns a context whose listings call report with each link that leads out of the store and is not followed. The name of
// a link to a folder ends in a slash. A link can be reported several times.
func WithLinkReport(ctx context.Context, report func(key string)) context.Context {
	return context.WithValue(ctx, linkReport{}, report)
}

// ReportLink calls the report of a context, if it has one.
func ReportLink(ctx context.Context, key string) {
	if report, ok := ctx.Value(linkReport{}).(func(string)); ok {
		report(key)
	}
}
