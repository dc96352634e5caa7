package files

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxName bounds a file's name, in bytes.
const maxName = 160

// CleanName makes a name of a foreign one that can stand in a URL, a header and a folder of any system, and that reads as what it is: without
// folders, control and formatting characters (which could turn `gpj.exe` round), and characters that some file system
// forbids. What is left is kept as it is, above all the ending (XEP-0363 §4). The result is never empty, `.` or `..`, is
// in NFC and has maxName bytes at most; of a clean name it is that name.
func CleanName(name string) string {
	name = norm.NFC.String(strings.ToValidUTF8(name, "_"))
	name = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`/\:*?"<>|%;`, r), r == utf8.RuneError:
			return '_'
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r): // controls, formats (bidi, zero width), private and unassigned ones
			return -1
		}
		return r
	}, name)
	name = trimName(norm.NFC.String(name)) // what was apart may have come together
	if len(name) > maxName {
		ext := path.Ext(name)
		if len(ext) > 20 {
			ext = ""
		}
		name = trimName(cut(strings.TrimSuffix(name, ext), maxName-len(ext)) + ext)
	}
	if name == "" {
		return "file"
	}
	return name
}

// trimName takes away what hides a name or its ending.
func trimName(name string) string {
	return strings.TrimRight(strings.TrimLeft(name, " ."), " .")
}

// cut returns the first bytes of s, n at most and no half character; combining marks go with their letter.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !norm.NFC.PropertiesString(s[n:]).BoundaryBefore() || !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
