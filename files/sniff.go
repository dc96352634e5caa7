package files

import (
	"bytes"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
)

// byExtension are the types of files whose sender names none.
var byExtension = map[string]string{
	".csv": "text/csv", ".doc": "application/msword", ".gif": "image/gif", ".heic": "image/heic", ".jpeg": "image/jpeg", ".jpg": "image/jpeg",
	".log": "text/plain", ".mp3": "audio/mpeg", ".mp4": "video/mp4", ".ogg": "audio/ogg", ".pdf": "application/pdf", ".png": "image/png",
	".svg": "image/svg+xml", ".txt": "text/plain", ".webm": "video/webm", ".webp": "image/webp", ".zip": "application/zip",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".odt":  "application/vnd.oasis.opendocument.text",
}

const anything = "application/octet-stream"

// typeOf is the media type of a file, without parameters: what its sender says, else by its name's ending.
func typeOf(said, name string) (string, error) {
	if said == "" {
		if t := byExtension[strings.ToLower(path.Ext(name))]; t != "" {
			return t, nil
		}
		return anything, nil
	}
	t, _, err := mime.ParseMediaType(said)
	if kind, sub, ok := strings.Cut(t, "/"); err != nil || !ok || kind == "" || sub == "" || len(t) > 127 || strings.ContainsAny(t, "*\"'<>;, ") {
		return "", ErrType
	}
	return t, nil
}

// allows tells whether a type is one of the list. A `kind/*` covers no type that a browser would run.
func allows(list []string, t string) bool {
	kind, _, _ := strings.Cut(t, "/")
	for _, a := range list {
		if a == t || a == kind+"/*" && !active(t) {
			return true
		}
	}
	return false
}

// active tells the types that a browser would run if it showed them.
func active(t string) bool {
	return t == "text/html" || strings.Contains(t, "javascript") || strings.Contains(t, "ecmascript") || strings.HasSuffix(t, "xml") || strings.HasSuffix(t, "+xml")
}

// sniffed is how much of a file's beginning is looked at.
const sniffed = 512

// fits tells whether a file that begins like this can be of the type. What has a signature must show it, and nothing
// may show the signature of something else: a page that calls itself a picture fits as little as a program that does.
func fits(t string, begin []byte) bool {
	found, _, _ := mime.ParseMediaType(http.DetectContentType(begin))
	if found == anything && modern(begin) {
		found = "image/*"
	}
	kind, _, _ := strings.Cut(t, "/")
	switch {
	case found == t:
		return true
	case t == "image/png", t == "image/jpeg", t == "image/gif", t == "image/webp", t == "image/bmp", t == "application/pdf", t == "application/zip", t == "text/html":
		return false
	case t == "image/svg+xml", strings.HasSuffix(t, "xml"):
		return found == "text/xml" || found == "text/plain"
	case kind == "text":
		return found == "text/plain"
	case kind == "image":
		return found == "image/*" && looksModern(t) || found == anything && !looksModern(t)
	case kind == "audio", kind == "video":
		return found == anything || strings.HasPrefix(found, "audio/") || strings.HasPrefix(found, "video/") || found == "application/ogg"
	case found == "application/zip": // so are the packages of office programs
		return true
	}
	return found == anything || found == "text/plain" && kind == "application" && !active(t)
}

// looksModern tells the picture types of ISO base media files and TIFF, which the standard library doesn't sniff.
func looksModern(t string) bool {
	switch t {
	case "image/avif", "image/heic", "image/heif", "image/tiff":
		return true
	}
	return false
}

func modern(b []byte) bool {
	if bytes.HasPrefix(b, []byte("II*\x00")) || bytes.HasPrefix(b, []byte("MM\x00*")) {
		return true
	}
	if len(b) < 12 || string(b[4:8]) != "ftyp" {
		return false
	}
	switch string(b[8:12]) {
	case "avif", "avis", "heic", "heix", "mif1", "msf1", "hevc":
		return true
	}
	return false
}

// maxPixels bounds the pictures that are decoded: 16 bytes a pixel are needed at worst.
const maxPixels = 4 << 20

var errNoPicture = errors.New("files: no picture that is decoded here")

// decode decodes a picture as a whole; nil: it is one of its type.
func decode(t string, r io.ReadSeeker) error {
	var config func(io.Reader) (image.Config, error)
	var whole func(io.Reader) (image.Image, error)
	switch t {
	case "image/png":
		config, whole = png.DecodeConfig, png.Decode
	case "image/jpeg":
		config, whole = jpeg.DecodeConfig, jpeg.Decode
	case "image/gif":
		config, whole = gif.DecodeConfig, gif.Decode
	default:
		return errNoPicture
	}
	c, err := config(r)
	if err != nil {
		return err
	}
	if c.Width <= 0 || c.Height <= 0 || c.Width > maxPixels/c.Height {
		return errNoPicture
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = whole(r)
	return err
}
