// Package layout holds tests about the shape of the source: how large files, packages and types may grow, and how tests compare.
// It has no code of its own.
package layout

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/sizes.txt from the source as it is")

const sizesFile = "testdata/sizes.txt"

// The sizes from which something is recorded in testdata/sizes.txt, where it must not grow.
const (
	maxFiles   = 20  // files of a package, without tests
	maxLines   = 600 // lines of a file
	maxMethods = 25  // methods of a type, and functions that take it as a parameter
	maxOr      = 3   // operators || in one condition of a test
)

// commandPackage has one file for each command, so it may have more files than others.
const commandPackage = "cmd/etl"

const sizesHead = `# Made by: go test ./internal/layout -update. Each line is something that is larger than it should be, and how large it may be.
`

// TestSizes fails if a file, package or type that is too large has grown, or if a new one is too large. Split it by what it does;
// -update is for lines that have become smaller or have gone. It also fails on a new condition of a test that chains many
// alternatives: when it fails, nobody sees which one was true. Compare whole values with cmp.Diff, or check one thing at a time.
func TestSizes(t *testing.T) {
	now, err := sizes("../..")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(sizesFile, writeSizes(now), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(sizesFile)
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := readSizes(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range slices.Sorted(maps.Keys(now)) {
		if was, ok := recorded[what]; !ok {
			t.Errorf("%s: %d, which is over the limit (%s)", what, now[what], limits)
		} else if now[what] > was {
			t.Errorf("%s: grew from %d to %d (%s)", what, was, now[what], limits)
		}
	}
}

var limits = fmt.Sprintf("limits: %d files in a package, %d lines in a file, %d methods and functions of a type, %d operators || in a condition of a test",
	maxFiles, maxLines, maxMethods, maxOr)

// countOr counts the operators || of a condition, without those inside of functions.
func countOr(condition ast.Expr) (n int) {
	ast.Inspect(condition, func(node ast.Node) bool {
		switch x := node.(type) {
		case *ast.FuncLit:
			return false
		case *ast.BinaryExpr:
			if x.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}

// walk parses each Go file of the module. Paths are relative to its root.
func walk(root string, fn func(path string, file *ast.File, set *token.FileSet)) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != root && (name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		fn(filepath.ToSlash(rel), file, set)
		return nil
	})
}

// sizes are the things that are larger than they should be, by what they are.
func sizes(root string) (map[string]int, error) {
	files, lines, methods, chains := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	err := walk(root, func(path string, file *ast.File, set *token.FileSet) {
		dir := filepath.ToSlash(filepath.Dir(path))
		lines["file "+path] = set.File(file.FileStart).LineCount()
		if strings.HasSuffix(path, "_test.go") {
			ast.Inspect(file, func(n ast.Node) bool {
				if branch, ok := n.(*ast.IfStmt); ok && countOr(branch.Cond) > maxOr {
					chains["long conditions in tests of "+dir]++
				}
				return true
			})
			return
		}
		if dir != commandPackage {
			files["package "+dir]++
		}
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			types := map[string]bool{}
			if fn.Recv != nil {
				types[typeName(fn.Recv.List[0].Type)] = true
			}
			for _, p := range fn.Type.Params.List {
				if pointer, ok := p.Type.(*ast.StarExpr); ok {
					types[typeName(pointer)] = true
				}
			}
			for name := range types {
				if name != "" {
					methods["type "+dir+"."+name]++
				}
			}
		}
	})
	large := chains
	for limit, counts := range map[int]map[string]int{maxFiles: files, maxLines: lines, maxMethods: methods} {
		for what, n := range counts {
			if n > limit {
				large[what] = n
			}
		}
	}
	return large, err
}

// typeName is the name of a receiver's or parameter's type in its own package, or "".
func typeName(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.StarExpr:
		return typeName(x.X)
	case *ast.IndexExpr:
		return typeName(x.X)
	case *ast.IndexListExpr:
		return typeName(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}

func writeSizes(sizes map[string]int) []byte {
	var out bytes.Buffer
	out.WriteString(sizesHead)
	for _, what := range slices.Sorted(maps.Keys(sizes)) {
		fmt.Fprintf(&out, "%s %d\n", what, sizes[what])
	}
	return out.Bytes()
}

func readSizes(text []byte) (map[string]int, error) {
	sizes := map[string]int{}
	for in := bufio.NewScanner(bytes.NewReader(text)); in.Scan(); {
		line := in.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cut := strings.LastIndexByte(line, ' ')
		n, err := strconv.Atoi(line[cut+1:])
		if err := cmp.Or(err, errorIf(cut < 0)); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", sizesFile, line, err)
		}
		sizes[line[:cut]] = n
	}
	return sizes, nil
}

func errorIf(bad bool) error {
	if bad {
		return errors.New("want a name and a number")
	}
	return nil
}
