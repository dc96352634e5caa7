package gateway

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"regexp"
	"strings"

	"usher/xmpp"
)

// maxLogo bounds theme.logo, in bytes.
const maxLogo = 64 << 10

// Logo is a site's picture: the text of a safe SVG, or a raster image.
type Logo struct {
	SVG    string
	Raster []byte
	Ext    string // .png, .jpg, .gif or .webp
}

const nsSVG = "http://www.w3.org/2000/svg"

// svgElements are those that draw, and the few that they need. None runs, loads, links, animates or holds foreign markup.
var svgElements = map[string]bool{
	"svg": true, "g": true, "title": true, "desc": true, "defs": true, "path": true, "rect": true, "circle": true, "ellipse": true,
	"line": true, "polyline": true, "polygon": true, "text": true, "tspan": true, "linearGradient": true, "radialGradient": true,
	"stop": true, "clipPath": true, "mask": true,
}

// svgAttributes are those that say where and how to draw.
var svgAttributes = map[string]bool{
	"id": true, "viewBox": true, "width": true, "height": true, "preserveAspectRatio": true, "version": true, "transform": true,
	"x": true, "y": true, "x1": true, "y1": true, "x2": true, "y2": true, "cx": true, "cy": true, "r": true, "rx": true, "ry": true,
	"fx": true, "fy": true, "fr": true, "dx": true, "dy": true, "d": true, "points": true, "pathLength": true, "offset": true,
	"gradientUnits": true, "gradientTransform": true, "spreadMethod": true, "clipPathUnits": true, "maskUnits": true,
	"maskContentUnits": true, "rotate": true, "textLength": true, "lengthAdjust": true,
}

// svgProperties are the presentation attributes that a logo may have; a style attribute is taken apart into them,
// since a page's Content-Security-Policy may forbid inline styles.
var svgProperties = map[string]bool{
	"fill": true, "fill-opacity": true, "fill-rule": true, "stroke": true, "stroke-width": true, "stroke-opacity": true,
	"stroke-linecap": true, "stroke-linejoin": true, "stroke-miterlimit": true, "stroke-dasharray": true, "stroke-dashoffset": true,
	"opacity": true, "color": true, "stop-color": true, "stop-opacity": true, "clip-path": true, "clip-rule": true, "mask": true,
	"font-family": true, "font-size": true, "font-weight": true, "font-style": true, "text-anchor": true, "letter-spacing": true,
	"dominant-baseline": true, "display": true, "visibility": true, "vector-effect": true, "paint-order": true,
}

// svgReference is the one kind of url() that may stand in a value: to another part of the same picture.
var svgReference = regexp.MustCompile(`^url\(#[\w.-]+\)`)

// readLogo reads what theme.logo names: the SVG itself, or a file.
func readLogo(value, file string) (Logo, error) {
	b := []byte(value)
	if !strings.HasPrefix(strings.TrimSpace(value), "<") {
		var err error
		if b, err = os.ReadFile(file); err != nil {
			return Logo{}, fmt.Errorf("%s cannot be read: %s", value, bareOSError(err))
		}
	}
	if len(b) > maxLogo {
		return Logo{}, fmt.Errorf("has %d bytes: at most %d", len(b), maxLogo)
	}
	ext := map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}[http.DetectContentType(b)]
	if ext != "" {
		return Logo{Raster: b, Ext: ext}, nil
	}
	svg, err := safeSVG(b)
	return Logo{SVG: svg}, err
}

// safeSVG writes an SVG anew with what may be in a logo. What editors leave (comments, elements and attributes of their own
// namespaces) is dropped; what could do harm or would not be drawn is an error.
func safeSVG(b []byte) (string, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	var out []byte
	var open []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && len(out) > 0 && len(open) == 0 {
			return string(out), nil
		}
		if err != nil {
			return "", fmt.Errorf("is neither a PNG, JPEG, GIF or WebP image nor an SVG: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if t.Name.Space != nsSVG && len(open) > 0 {
				if err := d.Skip(); err != nil {
					return "", fmt.Errorf("is no SVG: %w", err)
				}
				continue
			}
			if t.Name.Space != nsSVG || !svgElements[t.Name.Local] || (t.Name.Local == "svg") != (len(open) == 0) || len(open) > 32 {
				return "", fmt.Errorf("has <%s> (%s), which a logo may not have: want shapes, groups, gradients and text in one <svg xmlns=%q>", t.Name.Local, t.Name.Space, nsSVG)
			}
			if len(open) == 0 && len(out) > 0 {
				return "", errors.New("has more than one <svg>")
			}
			if out, err = appendSVGStart(out, t); err != nil {
				return "", err
			}
			open = append(open, t.Name.Local)
		case xml.EndElement:
			open = open[:len(open)-1]
			out = append(append(append(out, "</"...), t.Name.Local...), '>')
		case xml.CharData:
			if len(open) > 0 {
				out = xmpp.AppendText(out, t)
			}
		case xml.Directive:
			return "", errors.New("has a DOCTYPE: save it without")
		}
	}
}

func appendSVGStart(out []byte, t xml.StartElement) ([]byte, error) {
	out = append(append(out, '<'), t.Name.Local...)
	if t.Name.Local == "svg" {
		out = xmpp.AppendAttr(out, "xmlns", []byte(nsSVG))
	}
	seen := map[string]bool{}
	add := func(name, value string) error {
		if seen[name] {
			return nil // an attribute beside the same in style
		}
		seen[name] = true
		if strings.Contains(strings.ToLower(value), "url(") && !svgReference.MatchString(value) || strings.ContainsAny(value, `\`) {
			return fmt.Errorf("has %s=%q: it may load nothing", name, value)
		}
		out = xmpp.AppendAttr(out, name, []byte(value))
		return nil
	}
	var style string
	for _, a := range t.Attr {
		name := a.Name.Local
		switch {
		case name == "style" && a.Name.Space == "":
			style = a.Value
		case a.Name.Space != "" || name == "xmlns" || name == "class" || strings.HasPrefix(name, "data-") || strings.HasPrefix(name, "aria-") || name == "role":
			if path.Base(a.Name.Space) == "xlink" {
				return nil, fmt.Errorf("has xlink:%s: it may link to nothing", name)
			}
		case svgAttributes[name] || svgProperties[name]:
		default:
			return nil, fmt.Errorf("has %s=%q on <%s>, which a logo may not have", name, a.Value, t.Name.Local)
		}
	}
	for declaration := range strings.SplitSeq(style, ";") {
		name, value, _ := strings.Cut(declaration, ":")
		if name = strings.TrimSpace(name); svgProperties[name] {
			if err := add(name, strings.TrimSpace(value)); err != nil {
				return nil, err
			}
		}
	}
	for _, a := range t.Attr {
		if a.Name.Space == "" && (svgAttributes[a.Name.Local] || svgProperties[a.Name.Local]) {
			if err := add(a.Name.Local, a.Value); err != nil {
				return nil, err
			}
		}
	}
	return append(out, '>'), nil
}
