package gateway

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// secret takes k, k_file or k_env, exactly one of them.
func (d *decoder) secret(take func(string) (pair, bool), name, parent string, v reflect.Value, required bool, line int) {
	var given []string
	var value string
	for _, form := range []string{name, name + "_file", name + "_env"} {
		p, ok := take(form)
		if !ok {
			continue
		}
		k := join(parent, form)
		d.lines[k] = p.line
		given = append(given, form)
		var s string
		before := len(d.errs)
		d.value(p.node, k, reflect.ValueOf(&s).Elem(), "")
		if len(given) > 1 {
			d.errorf(p.line, k, "%s is set too: want exactly one of them", given[0])
			continue
		}
		if len(d.errs) > before {
			return
		}
		value = d.fetchSecret(form, name, k, s)
		if value == "" && (form != name || required) && len(d.errs) == before {
			d.errorf(p.line, k, "missing value")
		}
	}
	if len(given) == 0 && required {
		d.errorf(line, join(parent, name), "missing: want %s, %s_file or %s_env", name, name, name)
	}
	if value != "" {
		v.Set(reflect.ValueOf(Secret{value}))
	}
}

func (d *decoder) fetchSecret(form, name, key, s string) string {
	switch form {
	case name + "_env":
		if s != "" && os.Getenv(s) == "" {
			d.fail(key, "the environment has no %s", s)
			return ""
		}
		return os.Getenv(s)
	case name + "_file":
		if s == "" {
			return ""
		}
		b, err := os.ReadFile(d.path(s))
		if err != nil {
			d.fail(key, "%s cannot be read: %s", s, bareOSError(err))
			return ""
		}
		return strings.TrimRight(string(b), "\r\n")
	}
	return s
}

// path resolves a path of the config, which is relative to its file.
func (d *decoder) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(d.dir, p)
}

func bareOSError(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}
