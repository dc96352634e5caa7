package widget

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The budget, gzipped, in bytes: the loader, which every page fetches, and all
// that a visitor's browser fetches to open the chat and talk in one language.
const (
	maxLoader = 6 << 10
	maxAll    = 45 << 10
)

// rare are the files that are fetched when something asks for them: a fall back
// to BOSH, a form, the rating at the end, emoji, a file, a greeting, the
// element. They are printed.
var rare = regexp.MustCompile(`^(bosh-transport|form|end|emoji|file|greet|element|licences)-`)

var language = regexp.MustCompile(`^[a-z]{2}-`)

func files(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	entries, err := Dist.ReadDir("dist")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := fs.ReadFile(Dist, "dist/"+e.Name())
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = b
	}
	return all
}

func gzipped(t *testing.T, b []byte) int {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Len()
}

func TestSizes(t *testing.T) {
	loader, common, seldom, largest := 0, 0, 0, 0
	for name, b := range files(t) {
		n := gzipped(t, b)
		switch {
		case name == "widget.js":
			loader = n
		case language.MatchString(name):
			largest = max(largest, n)
		case rare.MatchString(name):
			seldom += n
		default:
			common += n
		}
		t.Logf("%-28s %7d bytes %6d gzipped", name, len(b), n)
	}
	if loader == 0 || common == 0 || largest == 0 {
		t.Fatal("loader, app or languages are missing")
	}
	all := loader + common + largest
	t.Logf("loader %d of %d; all, with the largest language, %d of %d; what is fetched when it is asked for %d", loader, maxLoader, all, maxAll, seldom)
	if loader > maxLoader {
		t.Errorf("the loader has %d bytes gzipped, %d are its budget", loader, maxLoader)
	}
	if all > maxAll {
		t.Errorf("all that a visitor fetches has %d bytes gzipped, %d are the budget", all, maxAll)
	}
}

// TestNames: what is fetched may be kept for ever, so a digest of its content is
// in its name, and what names it exists.
func TestNames(t *testing.T) {
	all := files(t)
	hashed := regexp.MustCompile(`^[a-z-]+-[0-9A-Z]{8}\.(js|txt)$`)
	mentioned := regexp.MustCompile(`[a-z-]+-[0-9A-Z]{8}\.(?:js|txt)`)
	used := map[string]bool{"widget.js": true}
	for name, b := range all {
		if name != "widget.js" && !hashed.MatchString(name) {
			t.Errorf("%s has no digest in its name", name)
		}
		for _, other := range mentioned.FindAllString(string(b), -1) {
			used[other] = true
			if all[other] == nil {
				t.Errorf("%s names %s, which is not there", name, other)
			}
		}
	}
	for name := range all {
		if !used[name] {
			t.Errorf("%s is named by none", name)
		}
	}
}

// TestLicences: who gets the widget gets the licences of what is in it.
func TestLicences(t *testing.T) {
	var manifest struct{ Dependencies map[string]string }
	b, err := os.ReadFile("package.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &manifest); err != nil {
		t.Fatal(err)
	}
	for name, b := range files(t) {
		if !strings.HasPrefix(name, "licences-") {
			continue
		}
		for dependency, version := range manifest.Dependencies {
			if !strings.Contains(string(b), dependency+" "+version+", ") {
				t.Errorf("%s doesn't list %s %s", name, dependency, version)
			}
		}
		if !strings.Contains(string(b), "Permission is hereby granted") {
			t.Errorf("%s has the names but not the texts", name)
		}
		return
	}
	t.Error("no list of licences")
}

// TestNoMarkup: nothing in the widget makes nodes from markup or code from text.
func TestNoMarkup(t *testing.T) {
	sinks := regexp.MustCompile(`\.(?:innerHTML|outerHTML|insertAdjacentHTML|srcdoc)\b|\bdocument\.write|\beval\(|new Function\(|setAttribute\("(?:style|on)`)
	for name, b := range files(t) {
		if m := sinks.Find(b); m != nil && strings.HasSuffix(name, ".js") {
			t.Errorf("%s: %s", name, m)
		}
	}
}

// TestFresh: the committed files are what the sources make. It wants Node and
// the packages of package-lock.json (make widget installs both).
func TestFresh(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("no node: make widget installs it, or apt-get install nodejs npm")
	}
	if _, err := os.Stat("node_modules/.package-lock.json"); err != nil {
		t.Fatal("the packages are not installed: make widget")
	}
	out := t.TempDir()
	if b, err := exec.Command(node, "build.mjs", "--out", out, "--quiet").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	committed := files(t)
	var stale []string
	built, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range built {
		b, err := os.ReadFile(filepath.Join(out, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, committed[e.Name()]) {
			stale = append(stale, e.Name())
		}
		delete(committed, e.Name())
	}
	for name := range committed {
		stale = append(stale, name)
	}
	slices.Sort(stale)
	if len(stale) > 0 {
		t.Errorf("dist is not what the sources make; `make widget` and commit: %s", strings.Join(stale, " "))
	}
}
