package main

// The rules of the house, kept by tests: which package may import which, how
// long a file may be, that nothing is global, that each goroutine says who
// ends it, and that the documents name only what exists.

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// imports is the table of docs/architecture.md: what of ours each package may
// import. Tests may import xmpp/xmpptest besides. "." is the program itself.
var imports = map[string][]string{
	".":             {"gateway"},
	"xmpp":          {},
	"xmpp/xmpptest": {"xmpp"},
	"conn":          {},
	"c2s":           {"xmpp"},
	"ws":            {"c2s", "conn", "xmpp"},
	"bosh":          {"c2s", "conn", "xmpp"},
	"upstream":      {"conn", "xmpp"},
	"pool":          {"upstream", "xmpp"},
	"workgroup":     {"xmpp"},
	"archive":       {},
	"files":         {},
	"notify":        {"archive"},
	"widget":        {},
	"gateway":       {"archive", "bosh", "c2s", "conn", "desk", "files", "notify", "pool", "upstream", "widget", "workgroup", "ws", "xmpp"},
	"desk":          {},
	"bench":         {"xmpp", "xmpp/xmpptest"},
	"bench/load":    {},
	"bench/measure": {},
	"bench/stage":   {"bench/load", "bench/measure", "xmpp", "xmpp/xmpptest"},
	"demo":          {},
	"e2e":           {"xmpp", "xmpp/xmpptest"},
}

// ignorant lists what some packages must not import of the world outside, so
// that what their package comment says they must not know stays true. An entry
// stands for the package and everything below it.
var ignorant = map[string][]string{
	"xmpp":      {"net", "os", "time", "sync", "io", "bufio", "log", "context", "github.com"},
	"c2s":       {"net/http", "net/url", "os", "github.com/valyala", "github.com/fasthttp"},
	"conn":      {"net/http", "encoding/xml", "github.com/fasthttp", "mellium.im"},
	"ws":        {"encoding/xml", "mellium.im"},
	"bosh":      {"github.com/fasthttp", "mellium.im"},
	"upstream":  {"net/http", "github.com/valyala", "github.com/fasthttp"},
	"pool":      {"net/http", "github.com/valyala", "github.com/fasthttp", "mellium.im"},
	"workgroup": {"net", "os", "sync", "database/sql", "github.com/valyala", "github.com/fasthttp"},
	"archive":   {"net", "encoding/xml", "mellium.im"},
	"files":     {"database/sql", "encoding/xml", "github.com", "mellium.im"},

	"bench/load":    {"encoding/xml", "github.com", "mellium.im"},
	"bench/measure": {"net", "encoding/xml", "mellium.im"},
}

// Lengths of files, and of functions outside tests (tables and state machines
// are excepted by name, with the reason).
const (
	maxFile     = 700
	maxFunction = 100
)

var (
	longFiles     = map[string]string{}
	longFunctions = map[string]string{
		"xmpp.run":        "the scanner's state machine",
		"workgroup.moves": "the table of a conversation's states",
	}
)

// globals lists the package-level variables that are neither an error value
// nor a table, with the reason why each may be there.
var globals = map[string]string{
	"conn.writes":     "a pool: what a write needs while it lasts, for all connections",
	"gateway.version": "set by the linker",
}

// source is one parsed Go file of the repository.
type source struct {
	path string // slash-separated, from the repository's root
	dir  string // its package's folder, "." for the root
	test bool
	fset *token.FileSet
	file *ast.File
	text string
}

func (s *source) at(p token.Pos) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(p).Line)
}

// sources parses every Go file of the repository.
func sources(t *testing.T) []*source {
	t.Helper()
	var all []*source
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != "." && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		p = filepath.ToSlash(p)
		all = append(all, &source{
			path: p, dir: path.Dir(p), test: strings.HasSuffix(name, "_test.go"),
			fset: fset, file: file, text: string(text),
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("found %d Go files: this test must run in the repository's root", len(all))
	}
	return all
}

func TestHouseImports(t *testing.T) {
	all := sources(t)
	for _, s := range all {
		// A folder below one in the table (a command in bench, say) follows its rule.
		dir := s.dir
		for imports[dir] == nil && dir != "." {
			dir = path.Dir(dir)
		}
		if dir == "." && s.dir != "." {
			t.Errorf("%s: package %s is not in the table of imports", s.path, s.dir)
			continue
		}
		allowed := imports[dir]
		for _, spec := range s.file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if imported == "C" {
				t.Errorf("%s: imports C: the binary is static", s.at(spec.Pos()))
			}
			if ours, ok := strings.CutPrefix(imported, "usher/"); ok {
				if ours == s.dir || slices.Contains(allowed, ours) || s.test && ours == "xmpp/xmpptest" {
					continue
				}
				if strings.HasPrefix(ours, dir+"/") || ours == dir {
					continue // within the same entry of the table
				}
				t.Errorf("%s: %s may not import %s", s.at(spec.Pos()), s.dir, ours)
			}
			if s.test {
				continue
			}
			for _, foreign := range ignorant[s.dir] {
				if imported == foreign || strings.HasPrefix(imported, foreign+"/") {
					t.Errorf("%s: %s must not know %s", s.at(spec.Pos()), s.dir, imported)
				}
			}
		}
	}
}

func TestHouseLength(t *testing.T) {
	for _, s := range sources(t) {
		if n := strings.Count(s.text, "\n"); n > maxFile && longFiles[s.path] == "" {
			t.Errorf("%s has %d lines, more than %d", s.path, n, maxFile)
		}
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || longFunctions[s.dir+"."+f.Name.Name] != "" {
				continue
			}
			if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; n > maxFunction {
				t.Errorf("%s: function %s has %d lines, more than %d", s.at(f.Pos()), f.Name.Name, n, maxFunction)
			}
		}
	}
}

// TestHouseGoroutines: each go statement says above it who ends the goroutine.
func TestHouseGoroutines(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		comments := map[int]bool{}
		for _, g := range s.file.Comments {
			for line := s.fset.Position(g.Pos()).Line; line <= s.fset.Position(g.End()).Line; line++ {
				comments[line] = true
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch g := n.(type) {
			case *ast.GoStmt:
			case *ast.CallExpr: // WaitGroup.Go
				if f, ok := g.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "Go" {
					return true
				}
			default:
				return true
			}
			line := s.fset.Position(n.Pos()).Line
			if !comments[line] && !comments[line-1] {
				t.Errorf("%s: a go statement without a comment that says who ends it", s.at(n.Pos()))
			}
			if s.dir == "xmpp" {
				t.Errorf("%s: xmpp starts no goroutine", s.at(n.Pos()))
			}
			return true
		})
	}
}

// TestHouseNoGlobalState: a package-level variable is an error value or a
// table that nothing writes to.
func TestHouseNoGlobalState(t *testing.T) {
	type key struct{ dir, name string }
	declared := map[key]*ast.ValueSpec{}
	all := sources(t)
	for _, s := range all {
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				embedded := hasEmbed(g, v)
				for i, name := range v.Names {
					if name.Name == "_" || globals[s.file.Name.Name+"."+name.Name] != "" {
						continue
					}
					declared[key{s.dir, name.Name}] = v
					var value ast.Expr
					if i < len(v.Values) {
						value = v.Values[i]
					}
					if !embedded && !constant(value) {
						t.Errorf("%s: package-level variable %s is neither an error value nor a table", s.at(name.Pos()), name.Name)
					}
				}
			}
		}
	}
	for _, s := range all {
		if s.test {
			continue
		}
		written := func(e ast.Expr) {
			id := root(e)
			if id == nil {
				return
			}
			spec := declared[key{s.dir, id.Name}]
			// An identifier that the parser resolved to something else is a local of the same name.
			if spec == nil || id.Obj != nil && id.Obj.Decl != spec {
				return
			}
			t.Errorf("%s: writes to the package-level variable %s", s.at(e.Pos()), id.Name)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, e := range n.Lhs {
						written(e)
					}
				}
			case *ast.IncDecStmt:
				written(n.X)
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear") && f.Obj == nil && len(n.Args) > 0 {
					written(n.Args[0])
				}
			}
			return true
		})
	}
}

// hasEmbed says whether the variable's declaration carries //go:embed.
func hasEmbed(g *ast.GenDecl, v *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{g.Doc, v.Doc} {
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

// constant says whether an initial value is one that stays as it is: a table,
// an error, a compiled pattern, or a conversion of a constant.
func constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.CompositeLit: // a table; a lock or a counter is none, a cache of buffers may stay
		t, ok := e.Type.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := t.X.(*ast.Ident)
		return !ok || pkg.Name != "sync" && pkg.Name != "atomic" || t.Sel.Name == "Pool"
	case *ast.UnaryExpr: // &T{…}: errors that are structs
		_, ok := e.X.(*ast.CompositeLit)
		return ok && e.Op == token.AND
	case *ast.CallExpr:
		switch f := e.Fun.(type) {
		case *ast.ArrayType: // []byte("…")
			return true
		case *ast.FuncLit: // func() [256]T { … }(): a computed table
			return true
		case *ast.SelectorExpr:
			if f.Sel.Name == "WithPadding" { // of an encoding's alphabet
				inner, ok := f.X.(*ast.CallExpr)
				return ok && constant(inner)
			}
			if pkg, ok := f.X.(*ast.Ident); ok {
				switch pkg.Name + "." + f.Sel.Name {
				case "errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer",
					"netip.MustParsePrefix", "netip.MustParseAddr", "template.Must", "prometheus.NewDesc", "time.Unix", "time.Date", "base32.NewEncoding":
					return true
				}
			}
		}
	}
	return false
}

// root returns the variable at the bottom of x.f[i].g, or nil.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// quoted finds what a document sets in `code`, link where it points to.
var (
	quoted = regexp.MustCompile("`([^`\n]+)`")
	link   = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
)

// TestHouseDocuments: a file, a test or a function of ours that a document
// names in `code` exists.
func TestHouseDocuments(t *testing.T) {
	all := sources(t)
	docs, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := filepath.Glob("docs/decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	docs = append(append(docs, decisions...), "README.md", "CONTRIBUTING.md")
	tests := map[string][]*source{}
	funcs := map[string]bool{} // "ws.Conn.readLoop", "gateway.New"
	for _, s := range all {
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := s.file.Name.Name + "."
				if d.Recv != nil && len(d.Recv.List) > 0 {
					if id := root(d.Recv.List[0].Type); id != nil {
						name += id.Name + "."
					}
				}
				funcs[name+d.Name.Name] = true
				if s.test && d.Recv == nil {
					tests[d.Name.Name] = append(tests[d.Name.Name], s)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						funcs[s.file.Name.Name+"."+spec.Name.Name] = true
						if i, ok := spec.Type.(*ast.InterfaceType); ok {
							for _, m := range i.Methods.List {
								for _, n := range m.Names {
									funcs[s.file.Name.Name+"."+spec.Name.Name+"."+n.Name] = true
								}
							}
						}
					case *ast.ValueSpec:
						for _, n := range spec.Names {
							funcs[s.file.Name.Name+"."+n.Name] = true
						}
					}
				}
			}
		}
	}
	var packages []string
	for p := range imports {
		if p != "." {
			packages = append(packages, path.Base(p))
		}
	}
	slices.Sort(packages)
	ourFunc := regexp.MustCompile(`^(` + strings.Join(packages, "|") + `)(\.[A-Za-z]\w*){1,2}$`)
	aTest := regexp.MustCompile(`^((?:Test|Fuzz|Benchmark)[A-Z]\w*)(?:/(.+))?$`)
	aFile := regexp.MustCompile(`^[\w.-]+(/[\w.-]+)*\.(go|md|lua|yml|yaml|mjs|js|ts|html|css|svg|txt)$`)
	for _, doc := range docs {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), m[1])); err != nil {
				t.Errorf("%s points to %s, which does not exist", doc, m[1])
			}
		}
		for _, m := range quoted.FindAllStringSubmatch(string(text), -1) {
			name := m[1]
			switch {
			case aTest.MatchString(name):
				part := aTest.FindStringSubmatch(name)
				files := tests[part[1]]
				if len(files) == 0 {
					t.Errorf("%s names the test %s, which does not exist", doc, name)
				} else if part[2] != "" && !slices.ContainsFunc(files, func(s *source) bool {
					return subtest(all, s.dir, part[2])
				}) {
					t.Errorf("%s names the case %s, which %s does not have", doc, name, files[0].dir)
				}
			case aFile.MatchString(name) && !strings.HasPrefix(name, "usher."):
				if _, err := os.Stat(name); err != nil {
					if _, err := os.Stat(filepath.Join(filepath.Dir(doc), name)); err != nil {
						t.Errorf("%s names the file %s, which does not exist", doc, name)
					}
				}
			case ourFunc.MatchString(name):
				if !funcs[name] {
					t.Errorf("%s names %s, which does not exist", doc, name)
				}
			}
		}
	}
}

// subtest says whether a test file of the package's folder has this case: its
// name stands there as written, with spaces or underscores.
func subtest(all []*source, dir, name string) bool {
	spaced := strings.ReplaceAll(name, "_", " ")
	for _, s := range all {
		if s.dir == dir && s.test && (strings.Contains(s.text, `"`+name+`"`) || strings.Contains(s.text, `"`+spaced+`"`)) {
			return true
		}
	}
	return false
}

// TestHouseLockFiles: a lock file names versions and their digests, no place
// to download from (npm config set omit-lockfile-registry-resolved true).
func TestHouseLockFiles(t *testing.T) {
	files, err := filepath.Glob("*/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no lock file found")
	}
	remote := regexp.MustCompile(`"resolved": *"[^"]*:[^"]*"`) // a link within the tree may stay
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if m := remote.Find(text); m != nil {
			t.Errorf("%s carries an address to download from: %s", f, m)
		}
		if !strings.Contains(string(text), `"integrity"`) {
			t.Errorf("%s carries no digests", f)
		}
	}
}
