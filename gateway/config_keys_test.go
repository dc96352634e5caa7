package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// printed returns the YAML block of docs/interface.md.
func printed(t testing.TB) string {
	t.Helper()
	doc, err := os.ReadFile("../docs/interface.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(doc), "```yaml\n")
	block, _, ok2 := strings.Cut(block, "```")
	if !ok || !ok2 {
		t.Fatal("docs/interface.md has no YAML block")
	}
	return block
}

// The defaults are those that docs/interface.md prints: its file and an
// empty one (but for the examples) give the same.
func TestConfigDefaults(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, "tls", "edge.example")
	load := func(text string) *Config {
		t.Helper()
		cfg, _, err := parseConfig(filepath.Join(dir, "u.yaml"), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	doc := load(printed(t))
	own := load(`tls: {}
upstream:
  components: [{domain: visitors.localhost, secret: s3cret}]
  accounts: [{domain: localhost}]
sites:
  - name: shop
    domain: visitors.localhost
    proactive: {rules: [{text: {en: "Need help?"}}]}
    workgroups:
      - name: support
        agents: [alice@localhost, {jid: bob@localhost, skills: [billing], languages: [de], max_chats: 2}]
        supervisors: [carol@localhost]
        hours: {zone: Europe/Berlin, week: {mon-fri: ["09:00-12:00", "13:00-17:30"]}, holidays: [2026-12-25]}
        form: [{var: name, label: {en: Name}}, {var: question, type: text-multi, label: {en: Question}, required: true}]
`)
	var differ func(key string, a, b reflect.Value)
	differ = func(key string, a, b reflect.Value) {
		switch a.Kind() {
		case reflect.Struct:
			for i := range a.NumField() {
				differ(key+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
			}
		case reflect.Pointer:
			differ(key, a.Elem(), b.Elem())
		case reflect.Slice, reflect.Map:
			if a.Len() != b.Len() {
				t.Errorf("%s: printed %v, default %v", key, a, b)
				return
			}
			for i := range a.Len() {
				if a.Kind() == reflect.Slice {
					differ(fmt.Sprintf("%s[%d]", key, i), a.Index(i), b.Index(i))
				}
			}
		default:
			if !a.Equal(b) {
				t.Errorf("%s: printed %v, default %v", key, a, b)
			}
		}
	}
	differ("", reflect.ValueOf(doc).Elem(), reflect.ValueOf(own).Elem())
}

// keysOf lists the keys of a YAML file as paths without indexes.
func keysOf(n ast.Node, path string, into map[string]bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, kv := range n.Values {
			k := join(path, kv.Key.GetToken().Value)
			into[k] = true
			keysOf(kv.Value, k, into)
		}
	case *ast.SequenceNode:
		for _, v := range n.Values {
			keysOf(v, path, into)
		}
	}
}

// keysKnown lists the keys of the config types, and those without effect.
func keysKnown(t reflect.Type, path string, known, idle map[string]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" {
			continue
		}
		k := join(path, name)
		known[k] = true
		if s := f.Tag.Get("stage"); s != "" && !built(s) {
			idle[k] = true
		}
		// A site's limits and an offline form are printed where they are first.
		if f.Type != reflect.TypeFor[SiteLimits]() && k != "sites.workgroups.offline.form" {
			keysKnown(f.Type, k, known, idle)
		}
	}
}

// docs/interface.md prints every key that the program knows and no other, and names those without effect.
func TestConfigInterfaceKeys(t *testing.T) {
	file, err := parser.ParseBytes([]byte(printed(t)), 0)
	if err != nil {
		t.Fatal(err)
	}
	inDoc, known, idle := map[string]bool{}, map[string]bool{}, map[string]bool{}
	keysOf(file.Docs[0].Body, "", inDoc)
	keysKnown(reflect.TypeFor[Config](), "", known, idle)
	texts := regexp.MustCompile(`\.(label|week|text)\.[a-z-]+$`) // languages and days are no keys of ours
	for k := range inDoc {
		if !known[k] && !texts.MatchString(k) {
			t.Errorf("docs/interface.md prints %s, which the program doesn't know", k)
		}
	}
	for k := range known {
		if !inDoc[k] {
			t.Errorf("the program knows %s, which docs/interface.md doesn't print", k)
		}
	}
	doc, err := os.ReadFile("../docs/interface.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(doc), "```text\n")
	list, _, _ = strings.Cut(list, "```")
	told := strings.Fields(list)
	for _, k := range told {
		if !idle[k] {
			t.Errorf("docs/interface.md says that %s has no effect, but it has", k)
		}
		delete(idle, k)
	}
	for k := range idle {
		t.Errorf("docs/interface.md doesn't say that %s has no effect yet", k)
	}
}
