// Package ansi paints text for a terminal.
package ansi

// A Style is a style of text as an escape sequence (ECMA-48, 8.3.117).
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

// Paint returns text in a style, or unchanged if colors are off.
func Paint(on bool, style Style, text string) string {
	if !on {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// Pattern is a regular expression that matches the escape sequences of Paint.
const Pattern = `\x1b\[(` + string(Bold+"|"+Red+"|"+BoldRed+"|"+Yellow+"|"+Green+"|"+Cyan) + `|0)m`
