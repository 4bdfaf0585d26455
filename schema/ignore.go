package schema

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// An Ignore is a comment that suppresses a diagnostic:
//
//	port: 80 # fleetwright: ignore FW308 the container listens on 80
//
// It is on the line that the diagnostic points at, or on its own line above. The reason is required.
type Ignore struct {
	// Position of the comment.
	Position diag.Position
	// Code of the suppressed diagnostics.
	Code diag.Code
	// Line that the diagnostics must point at.
	Line int
}

// addIgnores reads the comments of a file that are meant for fleetwright.
func (l *loaded) addIgnores(f File) {
	if !bytes.Contains(f.Data, []byte("fleetwright:")) {
		return
	}
	// A comment for fleetwright, with its directive and arguments.
	directive := regexp.MustCompile(`^#+\s*fleetwright:\s*([a-z]+)\b[ \t]*(.*)`)
	lines := strings.Split(string(f.Data), "\n")
	comments := commentsOf(lines)
	below := linesBelow(lines)
	for i, line := range lines {
		at, ok := comments[i]
		if !ok {
			continue
		}
		m := directive.FindStringSubmatch(strings.TrimRight(line[at:], " \t\r"))
		if m == nil {
			continue
		}
		position := f.position(i+1, utf8.RuneCountInString(line[:at])+1)
		if m[1] != "ignore" {
			if diag.Nearest(m[1], []string{"ignore"}) != "" {
				l.badIgnore(position, fmt.Sprintf("unknown directive %q in a comment for fleetwright", m[1]), "# fleetwright: ignore "+m[2])
			}
			continue
		}
		ignore := Ignore{Position: position, Line: i + 1}
		if strings.Trim(line[:at], " \t-") == "" { // at most the dash of a list before it
			ignore.Line = below[i] + 1
		}
		code, reason := m[2], ""
		if i := strings.IndexAny(code, " \t"); i >= 0 {
			code, reason = code[:i], code[i:]
		}
		ignore.Code = diag.Code(code)
		switch {
		case code == "":
			l.badIgnore(position, "the ignore comment names no code", "# fleetwright: ignore FW308 <reason>")
		case !ignore.Code.Exists():
			hint := "fleetwright explain lists the codes"
			if meant := diag.Code(strings.ToUpper(strings.TrimRight(code, ":,;."))); meant.Exists() {
				hint = fmt.Sprintf("# fleetwright: ignore %s%s", meant, reason)
			}
			l.badIgnore(position, fmt.Sprintf("unknown code %s", code), hint)
		case ignore.Code.Rule().Structural:
			l.badIgnore(position, fmt.Sprintf("%s cannot be ignored: %s", code, ignore.Code.Rule().Title), "remove the comment, and fix the line")
		case strings.TrimSpace(reason) == "":
			l.badIgnore(position, "the ignore comment gives no reason", fmt.Sprintf("# fleetwright: ignore %s <reason>", code))
		default:
			l.Ignores = append(l.Ignores, ignore)
		}
	}
}

func (l *loaded) badIgnore(at diag.Position, message, hint string) {
	l.Diagnostics = append(l.Diagnostics, diag.New(diag.BadIgnore, at, "", message, hint))
}

// linesBelow are, for each line, the index of the next one that is neither empty nor a comment.
func linesBelow(lines []string) []int {
	below := make([]int, len(lines))
	next := len(lines)
	for i := len(lines) - 1; i >= 0; i-- {
		below[i] = next
		if text := strings.TrimSpace(lines[i]); text != "" && !strings.HasPrefix(text, "#") {
			next = i
		}
	}
	return below
}

// commentsOf returns where the comments of lines begin, by the index of the line: at a # at
// its beginning or behind a space that is not in a text. To learn what is in a text, the
// parser reads the lines with a number behind each #.
func commentsOf(lines []string) map[int]int {
	type place struct{ line, at int }
	var places []place
	var numbered bytes.Buffer
	begins := regexp.MustCompile(`(?:^|[ \t])#`)
	for i, line := range lines {
		end := 0
		for _, found := range begins.FindAllStringIndex(line, -1) {
			fmt.Fprintf(&numbered, "%s\ue000%d\ue000", line[end:found[1]], len(places))
			end = found[1]
			places = append(places, place{i, end - 1})
		}
		numbered.WriteString(line[end:] + "\n")
	}
	inText := map[string]bool{}
	number := regexp.MustCompile("\ue000([0-9]+)\ue000")
	var read func(nodes []*yaml.Node)
	read = func(nodes []*yaml.Node) {
		for _, n := range nodes {
			for _, m := range number.FindAllStringSubmatch(n.Value, -1) {
				inText[m[1]] = true
			}
			read(n.Content)
		}
	}
	nodes, _ := parse(File{Data: numbered.Bytes()})
	read(nodes)
	comments := map[int]int{}
	for i, p := range places {
		if _, ok := comments[p.line]; !ok && !inText[strconv.Itoa(i)] {
			comments[p.line] = p.at
		}
	}
	return comments
}
