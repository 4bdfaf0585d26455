package sources

import (
	"path"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/internal/lazyregexp"
)

// maxReason limits the characters of a reason.
const maxReason = 300

var (
	// passedOn matches the text that each base adds before a reason on its way up, with the directory of the base
	// (api/internal/target/kusttarget.go).
	passedOn = lazyregexp.New(`^(?:accumulating (?:resources|components)|MalformedYAMLError|` +
		`(?:recursed accumulation of|recursed merging from|couldn't make target for) path '([^']*)'): `)
	// quoted matches a reason that kustomize quoted on its way up.
	quoted = lazyregexp.New(`^(?:accumulateDirectory|loader\.New):? ("(?:[^"\\]|\\.)*")$`)
	// tried matches the error of an entry as a file, which precedes its error as a directory.
	tried = lazyregexp.New(`^accumulation err='(.*)': `)
	// ofFile matches the file of a reason.
	ofFile = lazyregexp.New(`^(?:accumulating|merging) resources from '([^']*)': (.*)`)
	// dumps match parts that do not help the reader.
	dumps  = lazyregexp.New("( with config: `[^`]*`| in File: \\S+|: \\[\\{.*| \\{\\{\\S* \\S*\\} .*)")
	spaces = lazyregexp.New(`\s+`)
)

// plain returns an error on one line, without the path of the source during the build.
func plain(err error) string {
	text := strings.ReplaceAll(spaces().ReplaceAllString(strings.TrimSpace(err.Error()), " "), root+"/", "")
	return cut(strings.ReplaceAll(text, root, "."))
}

// explain returns the innermost reason of a kustomize error, after the file or directory that it is about.
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

// lastTry returns the error of an entry as a file if it is no directory, or else its error as a directory.
func lastTry(text string) string {
	if _, rest, ok := strings.Cut(text, "is a directory': "); ok {
		return rest
	}
	if i := strings.LastIndex(text, "': must build at directory: "); i >= 0 {
		return strings.TrimPrefix(text[:i], "accumulation err='")
	}
	return text[len(tried().FindString(text)):]
}

// cut shortens a text that is too long.
func cut(text string) string {
	if letters := []rune(text); len(letters) > maxReason {
		return string(letters[:maxReason]) + "…"
	}
	return text
}
