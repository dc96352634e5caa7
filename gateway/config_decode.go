package gateway

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// ConfigError is one mistake in a config file.
type ConfigError struct {
	File string
	Line int    // 0: of no line
	Key  string // sites[0].domain; "" = the file itself
	Text string
}

func (e *ConfigError) Error() string {
	s := e.File
	if e.Line > 0 {
		s += ":" + strconv.Itoa(e.Line)
	}
	if e.Key != "" {
		s += ": " + e.Key
	}
	return s + ": " + e.Text
}

// ConfigErrors is every mistake in a config file, in the order of its lines.
type ConfigErrors []*ConfigError

func (l ConfigErrors) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Load reads and checks the config file. The error is a ConfigErrors with everything that
// is wrong; the warnings name keys that are set and have no effect, and doubtful values.
func Load(path string) (*Config, []string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, ConfigErrors{{File: path, Text: "cannot be read: " + bareOSError(err)}}
	}
	return parseConfig(path, data)
}

func parseConfig(path string, data []byte) (*Config, []string, error) {
	d := &decoder{file: path, dir: filepath.Dir(path), cfg: defaultConfig(), lines: map[string]int{}}
	d.document(data)
	if !d.broken {
		d.check()
	}
	if len(d.errs) > 0 {
		slices.SortStableFunc(d.errs, func(a, b *ConfigError) int { return a.Line - b.Line })
		return nil, nil, d.errs
	}
	return d.cfg, d.warnings, nil
}

// decoder fills a Config from the tree of a YAML file. The YAML library's own decoder
// stops at the first mistake; the rule here is that all are printed at once.
type decoder struct {
	file, dir string
	cfg       *Config
	errs      ConfigErrors
	warnings  []string
	lines     map[string]int // of each key that is set
	broken    bool           // the file is no YAML: nothing else is worth saying
	anchors   map[string]ast.Node
	nodes     int // decoded, aliases counted as often as used
}

// An alias may repeat what it names; this bounds what a few lines can grow to.
const maxConfigNodes = 200_000

func (d *decoder) errorf(line int, key, format string, args ...any) {
	d.errs = append(d.errs, &ConfigError{d.file, line, key, fmt.Sprintf(format, args...)})
}

// fail reports a mistake in the value of a key, at its line or at that of the mapping where it is missing.
func (d *decoder) fail(key, format string, args ...any) {
	d.errorf(d.line(key), key, format, args...)
}

func (d *decoder) line(key string) int {
	for k := key; k != ""; {
		if n := d.lines[k]; n > 0 {
			return n
		}
		i := strings.LastIndexAny(k, ".[")
		if i < 0 {
			break
		}
		k = k[:i]
	}
	return 0
}

func (d *decoder) isSet(key string) bool { return d.lines[key] > 0 }

func (d *decoder) warnf(key, format string, args ...any) {
	e := ConfigError{d.file, d.line(key), key, fmt.Sprintf(format, args...)}
	d.warnings = append(d.warnings, e.Error())
}

func (d *decoder) document(data []byte) {
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey()) // told below, with all else
	if err != nil {
		d.broken = true
		var y yaml.Error
		if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
			d.errorf(y.GetToken().Position.Line, "", "not YAML: %s", y.GetMessage())
			return
		}
		d.errorf(0, "", "not YAML: %v", err)
		return
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			d.errorf(lineOf(doc.Body), "", "a second document: want one")
			continue
		}
		body = doc.Body
	}
	d.anchors = map[string]ast.Node{}
	root := reflect.ValueOf(d.cfg).Elem()
	if body == nil {
		d.structure(nil, "", root, 0)
		return
	}
	d.value(body, "", root, "")
}

func lineOf(n ast.Node) int {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		n = m.Values[0].Key // a block mapping's own token is the first colon
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

// resolve takes anchors and aliases away. An alias sees only anchors that ended before it, so there is no way round in a circle.
func (d *decoder) resolve(n ast.Node, key string) ast.Node {
	switch n := n.(type) {
	case *ast.AnchorNode:
		v := d.resolve(n.Value, key)
		if v != nil {
			d.anchors[n.Name.GetToken().Value] = v
		}
		return v
	case *ast.AliasNode:
		v, ok := d.anchors[n.Value.GetToken().Value]
		if !ok {
			d.errorf(lineOf(n), key, "no anchor of this name before it")
			return nil
		}
		return v
	case *ast.TagNode:
		d.errorf(lineOf(n), key, "YAML tags are not supported")
		return nil
	}
	return n
}

// value decodes n into v. opts is the tag of the field that holds it.
func (d *decoder) value(n ast.Node, key string, v reflect.Value, tag reflect.StructTag) {
	line := lineOf(n)
	if d.lines[key] == 0 {
		d.lines[key] = line
	}
	if n = d.resolve(n, key); n == nil {
		return
	}
	if d.nodes++; d.nodes >= maxConfigNodes {
		if d.nodes == maxConfigNodes {
			d.errorf(line, key, "the file is too large, aliases counted")
		}
		return
	}
	if _, ok := n.(*ast.NullNode); ok {
		d.errorf(line, key, "missing value")
		return
	}
	if p, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if s, ok := d.scalar(n, key); ok {
			if err := p.UnmarshalText([]byte(s)); err != nil {
				if _, ok := p.(*netip.Prefix); ok {
					err = fmt.Errorf("%q is no network: want one such as 10.0.0.0/8 or 192.0.2.7/32", s)
				}
				d.errorf(line, key, "%v", err)
			}
		}
		return
	}
	switch v.Interface().(type) {
	case time.Duration:
		d.duration(n, key, v, tag)
		return
	case Agent:
		if _, ok := n.(*ast.StringNode); ok {
			d.value(n, key, v.FieldByName("JID"), "")
			return
		}
	case Text:
		if s, ok := n.(*ast.StringNode); ok {
			v.Set(reflect.ValueOf(Text{"": s.Value}))
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, key, v.Elem(), tag)
	case reflect.Struct:
		if !isMapping(n) {
			d.errorf(line, key, "want a mapping, got %s", kindOf(n))
			return
		}
		d.structure(mapping(n), key, v, line)
	case reflect.Slice:
		d.slice(n, key, v, tag)
	case reflect.Map:
		d.mapOf(n, key, v)
	default:
		d.plain(n, key, v, tag)
	}
}

// plain decodes text, numbers and truth values, and checks their bounds.
func (d *decoder) plain(n ast.Node, key string, v reflect.Value, tag reflect.StructTag) {
	wrong := func(want string) { d.errorf(lineOf(n), key, "want %s, got %s", want, kindOf(n)) }
	switch v.Kind() {
	case reflect.String:
		switch s := n.(type) {
		case *ast.StringNode:
			v.SetString(s.Value)
		case *ast.LiteralNode:
			v.SetString(s.Value.Value)
		case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
			d.errorf(lineOf(n), key, "want text, got %s: put it in quotes", kindOf(n))
			return
		default:
			wrong("text")
			return
		}
		if oneof := tag.Get("oneof"); oneof != "" && !slices.Contains(strings.Fields(oneof), v.String()) {
			d.errorf(lineOf(n), key, "%q is none of %s", v.String(), strings.Join(strings.Fields(oneof), ", "))
		}
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			wrong("true or false")
			return
		}
		v.SetBool(b.Value)
	case reflect.Int:
		i, ok := n.(*ast.IntegerNode)
		if !ok {
			wrong("a whole number")
			return
		}
		x, err := strconv.ParseInt(i.GetToken().Value, 10, 32)
		if err != nil {
			d.errorf(lineOf(n), key, "%s is no usable number", i.GetToken().Value)
			return
		}
		v.SetInt(x)
		d.bounds(lineOf(n), key, x, tag, strconv.Itoa)
	default:
		panic("config: no decoding for " + v.Type().String())
	}
}

func (d *decoder) duration(n ast.Node, key string, v reflect.Value, tag reflect.StructTag) {
	s, ok := d.scalar(n, key)
	if !ok {
		return
	}
	x, err := parseDuration(s)
	if err != nil {
		d.errorf(lineOf(n), key, "%v", err)
		return
	}
	v.SetInt(int64(x))
	if least := tag.Get("min"); least == "1" && x <= 0 {
		d.errorf(lineOf(n), key, "must be more than 0")
	} else if least == "0" && x < 0 {
		d.errorf(lineOf(n), key, "must not be negative")
	}
}

func (d *decoder) bounds(line int, key string, x int64, tag reflect.StructTag, show func(int) string) {
	least, most := int64(math.MinInt64), int64(math.MaxInt64)
	if t := tag.Get("min"); t != "" {
		least, _ = strconv.ParseInt(t, 10, 64)
	}
	if t := tag.Get("max"); t != "" {
		most, _ = strconv.ParseInt(t, 10, 64)
	}
	if x < least {
		d.errorf(line, key, "must be at least %s", show(int(least)))
	}
	if x > most {
		d.errorf(line, key, "must be at most %s", show(int(most)))
	}
}

// scalar returns a plain value as it is written.
func (d *decoder) scalar(n ast.Node, key string) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode:
		return n.GetToken().Value, true
	}
	d.errorf(lineOf(n), key, "want one plain value, got %s", kindOf(n))
	return "", false
}

func (d *decoder) slice(n ast.Node, key string, v reflect.Value, tag reflect.StructTag) {
	items := []ast.Node{n}
	seq, isSeq := n.(*ast.SequenceNode)
	if isSeq {
		items = seq.Values
	} else if _, opts, _ := strings.Cut(tag.Get("yaml"), ","); opts != "list" {
		d.errorf(lineOf(n), key, "want a list, got %s", kindOf(n))
		return
	}
	itemTag := reflect.StructTag("")
	if oneof := tag.Get("oneof"); oneof != "" {
		itemTag = reflect.StructTag(`oneof:"` + oneof + `"`)
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		k := key
		if isSeq {
			k = fmt.Sprintf("%s[%d]", key, i)
		}
		if def, ok := out.Index(i).Addr().Interface().(defaulter); ok {
			def.setDefaults(d.cfg)
		}
		d.value(item, k, out.Index(i), itemTag)
	}
	v.Set(out)
	d.noRepeats(v, key)
	if least := tag.Get("min"); (least == "1" || !isSeq) && len(items) == 0 {
		d.errorf(lineOf(n), key, "must not be empty")
	}
}

// noRepeats refuses the same plain value twice in a list.
func (d *decoder) noRepeats(v reflect.Value, key string) {
	elem := v.Type().Elem()
	if plain := reflect.PointerTo(elem).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()); !elem.Comparable() || !plain && elem.Kind() != reflect.String {
		return
	}
	seen := map[any]int{}
	for i := range v.Len() {
		x := v.Index(i)
		if x.IsZero() {
			continue // it was wrong
		}
		if first, ok := seen[x.Interface()]; ok {
			d.fail(fmt.Sprintf("%s[%d]", key, i), "the same as %s[%d]", key, first)
			continue
		}
		seen[x.Interface()] = i
	}
}

func (d *decoder) mapOf(n ast.Node, key string, v reflect.Value) {
	if !isMapping(n) {
		d.errorf(lineOf(n), key, "want a mapping, got %s", kindOf(n))
		return
	}
	pairs := d.pairs(mapping(n), key)
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range pairs {
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(p.node, join(key, p.name), e, "")
		v.SetMapIndex(reflect.ValueOf(p.name), e)
	}
}

// structure decodes a mapping into a struct, in the order of the struct's fields.
func (d *decoder) structure(n []*ast.MappingValueNode, key string, v reflect.Value, line int) {
	if def, ok := v.Addr().Interface().(defaulter); ok && v.IsZero() {
		def.setDefaults(d.cfg)
	}
	pairs := d.pairs(n, key)
	take := func(name string) (pair, bool) {
		for i, p := range pairs {
			if p.name == name {
				pairs = slices.Delete(pairs, i, i+1)
				return p, true
			}
		}
		return pair{}, false
	}
	known := []string{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" {
			continue // no key: made of others
		}
		k := join(key, name)
		if f.Type == reflect.TypeFor[Secret]() {
			known = append(known, name, name+"_file", name+"_env")
			d.secret(take, name, key, v.Field(i), opts == "required", line)
			continue
		}
		known = append(known, name)
		p, ok := take(name)
		if !ok {
			if opts == "required" {
				d.errorf(line, k, "missing")
			}
			continue
		}
		if stage := f.Tag.Get("stage"); stage != "" && !built(stage) {
			d.lines[k] = p.line
			d.warnf(k, "has no effect yet in this version")
		}
		d.lines[k] = p.line
		d.value(p.node, k, v.Field(i), f.Tag)
		if s := v.Field(i); f.Type == reflect.TypeFor[Size]() {
			d.bounds(p.line, k, s.Int(), f.Tag, func(n int) string { return strconv.Itoa(n) + " bytes" })
		}
	}
	for _, p := range pairs {
		d.errorf(p.line, join(key, p.name), "unknown key%s", suggestion(p.name, known))
	}
}

// pair is one key of a mapping with its value.
type pair struct {
	name string
	line int
	node ast.Node
}

// pairs lists a mapping's keys; one that comes twice is reported and counts once.
func (d *decoder) pairs(n []*ast.MappingValueNode, key string) []pair {
	var out []pair
	seen := map[string]int{}
	for _, kv := range n {
		t := kv.Key.GetToken()
		line := t.Position.Line
		s, ok := kv.Key.(*ast.StringNode)
		if !ok {
			d.errorf(line, key, "%q cannot be a key here", t.Value)
			continue
		}
		if first, ok := seen[s.Value]; ok {
			d.errorf(line, join(key, s.Value), "is set twice, first in line %d", first)
			continue
		}
		seen[s.Value] = line
		out = append(out, pair{s.Value, line, kv.Value})
	}
	return out
}

func join(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

func isMapping(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

func mapping(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	}
	return "something else"
}

// suggestion offers the known key that is nearest, if it's near enough to be meant.
func suggestion(name string, known []string) string {
	best, least := "", min(3, len(name)/2+1)
	for _, k := range known {
		if n := distance(strings.ToLower(name), k); n < least {
			best, least = k, n
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance counts the letters to insert, delete or change to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
