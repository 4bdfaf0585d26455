// Package ansi paints text for a terminal.
package ansi

import "strings"

// A Style is how text looks, as a terminal takes it (ECMA-48, 8.3.117).
type Style string

// The styles that fleetwright uses.
const (
	Bold    Style = "1"
	Red     Style = "31"
	BoldRed Style = "1;31"
	Yellow  Style = "1;33"
	Green   Style = "32"
	Cyan    Style = "36"
)

// Paint is text in a style, or as it is where colours are off.
func Paint(on bool, style Style, text string) string {
	if !on {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// styles are all styles, and the one that ends each.
var styles = [...]Style{Bold, Red, BoldRed, Yellow, Green, Cyan, "0"}

// Prefix returns what Paint begins or ends with, if a text begins with it.
func Prefix(text string) string {
	rest, ok := strings.CutPrefix(text, "\x1b[")
	if !ok {
		return ""
	}
	for _, style := range styles {
		if strings.HasPrefix(rest, string(style)+"m") {
			return text[:len("\x1b[")+len(style)+len("m")]
		}
	}
	return ""
}
