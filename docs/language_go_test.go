package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// contracts are texts with a pattern of clipped that cannot change.
var contracts = []string{
	`json:"mended,omitempty"`, // a key of etl doctor --output json
}

// TestPlainGo: comments and texts of the program use no pattern of clipped either. Texts of its tests are not looked at, because
// they are often samples of logs; their comments are.
func TestPlainGo(t *testing.T) {
	for _, name := range files(t, ".go") {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join(root, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		report := func(pos token.Pos, text string, comment bool) {
			for _, found := range plain(text, comment) {
				n, what, _ := strings.Cut(found, ":")
				line, _ := strconv.Atoi(n)
				t.Errorf("%s:%d:%s", name, fset.Position(pos).Line+line-1, what)
			}
		}
		for _, group := range f.Comments {
			for _, c := range group.List {
				report(c.Pos(), c.Text, true)
			}
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if ok && lit.Kind == token.STRING && !slices.Contains(contracts, strings.Trim(lit.Value, "`")) {
				report(lit.Pos(), lit.Value, false)
			}
			return true
		})
	}
}
