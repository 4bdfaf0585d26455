package sources

import (
	"path"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/internal/lazyregexp"
)

// maxReason is how many characters of a reason are shown.
const maxReason = 300

var (
	// passedOn is what kustomize puts before a reason while it comes up through the bases, with the
	// directory of the base (api/internal/target/kusttarget.go).
	passedOn = lazyregexp.New(`^(?:accumulating (?:resources|components)|MalformedYAMLError|` +
		`(?:recursed accumulation of|recursed merging from|couldn't make target for) path '([^']*)'): `)
	// quoted is a reason that kustomize has put in quotes on its way.
	quoted = lazyregexp.New(`^(?:accumulateDirectory|loader\.New):? ("(?:[^"\\]|\\.)*")$`)
	// tried is what became of an entry as a file, before what became of it as a directory.
	tried = lazyregexp.New(`^accumulation err='(.*)': `)
	// ofFile has the file that a reason is about.
	ofFile = lazyregexp.New(`^(?:accumulating|merging) resources from '([^']*)': (.*)`)
	// dumps are of no use to who reads a reason.
	dumps  = lazyregexp.New("( with config: `[^`]*`| in File: \\S+|: \\[\\{.*| \\{\\{\\S* \\S*\\} .*)")
	spaces = lazyregexp.New(`\s+`)
)

// plain returns an error in one line, without where the source is while it is built.
func plain(err error) string {
	text := strings.ReplaceAll(spaces().ReplaceAllString(strings.TrimSpace(err.Error()), " "), root+"/", "")
	return cut(strings.ReplaceAll(text, root, "."))
}

// explain returns the reason at the end of what kustomize says of a directory, after the file or the
// directory that it is about.
func explain(dir string, err error) string {
	text, about := spaces().ReplaceAllString(strings.TrimSpace(err.Error()), " "), ""
	for before := ""; before != text; {
		before = text
		if m := quoted().FindStringSubmatch(text); m != nil {
			if inner, err := strconv.Unquote(m[1]); err == nil {
				text = inner
			}
		}
		if m := passedOn().FindStringSubmatch(text); m != nil {
			text = text[len(m[0]):]
			if base, err := inSource(m[1]); err == nil {
				dir, about = base, base
			}
		}
		if strings.HasPrefix(text, "accumulation err='") {
			text = lastTry(text)
		}
		if m := ofFile().FindStringSubmatch(text); m != nil {
			about, text = path.Join(dir, m[1]), m[2]
		}
	}
	text = dumps().ReplaceAllString(text, "")
	if about != "" && !strings.HasPrefix(text, about) {
		text = about + ": " + text
	}
	text = strings.ReplaceAll(text, root+"/", "")
	return cut(strings.ReplaceAll(text, root, "."))
}

// lastTry returns why an entry fails as a file, where it is no directory, else why it does as one.
func lastTry(text string) string {
	if _, rest, ok := strings.Cut(text, "is a directory': "); ok {
		return rest
	}
	if i := strings.LastIndex(text, "': must build at directory: "); i >= 0 {
		return strings.TrimPrefix(text[:i], "accumulation err='")
	}
	return text[len(tried().FindString(text)):]
}

// cut shortens a text that is too long to be read.
func cut(text string) string {
	if letters := []rune(text); len(letters) > maxReason {
		return string(letters[:maxReason]) + "…"
	}
	return text
}
