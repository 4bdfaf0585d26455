package sources

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// A version is a semantic version as Flux reads it. (Flux uses Masterminds/semver v3, which is not linked, because
// it compiles regular expressions at every start.)
type version struct {
	// numbers are the major, minor and patch version.
	numbers [3]uint64
	// given is how many numbers a range has before a wildcard or its end.
	given int
	// pre are the identifiers of a pre-release.
	pre []string
}

// parseVersion parses a tag: v1.2.3 or 1.2.3, with an optional pre-release and build metadata (fluxcd/pkg
// version/version.go, ParseVersion).
func parseVersion(text string) (v version, ok bool) {
	text, build, isBuilt := strings.Cut(strings.TrimPrefix(text, "v"), "+")
	numbers, pre, isPre := strings.Cut(text, "-")
	if isPre {
		v.pre = strings.Split(pre, ".")
	}
	parts := strings.Split(numbers, ".")
	if len(parts) != len(v.numbers) || isBuilt && !areIdentifiers(strings.Split(build, "."), false) || isPre && !areIdentifiers(v.pre, true) {
		return v, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 64)
		if err != nil || !areIdentifiers([]string{part}, true) {
			return v, false
		}
		v.numbers[i] = n
	}
	v.given = len(parts)
	return v, true
}

// areIdentifiers reports whether texts are valid identifiers of a version. If strict, numbers must not have
// leading zeros.
func areIdentifiers(texts []string, strict bool) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"
	return !slices.ContainsFunc(texts, func(text string) bool {
		isNumber := strings.Trim(text, "0123456789") == ""
		return text == "" || strings.Trim(text, "0123456789"+letters) != "" || strict && isNumber && len(text) > 1 && text[0] == '0'
	})
}

// compare compares versions by precedence (semver.org, 11).
func (v version) compare(w version) int {
	if c := slices.Compare(v.numbers[:], w.numbers[:]); c != 0 {
		return c
	}
	if len(v.pre) == 0 || len(w.pre) == 0 {
		return cmp.Compare(len(w.pre), len(v.pre))
	}
	return slices.CompareFunc(v.pre, w.pre, func(a, b string) int {
		n, err := strconv.ParseUint(a, 10, 64)
		m, err2 := strconv.ParseUint(b, 10, 64)
		switch {
		case err == nil && err2 == nil:
			return cmp.Compare(n, m)
		case err == nil:
			return -1
		case err2 == nil:
			return 1
		}
		return strings.Compare(a, b)
	})
}

// A versionRange is a list of alternatives; a version is in it if it meets all constraints of one alternative.
type versionRange [][]constraint

type constraint struct {
	operator string
	version
}

// parseRange parses a range that the schema has validated.
func parseRange(text string) (r versionRange) {
	for alternative := range strings.SplitSeq(text, "||") {
		var all []constraint
		operator := ""
		for _, field := range strings.FieldsFunc(alternative, func(c rune) bool { return strings.ContainsRune(" \t\n\r\f,", c) }) {
			if field == "-" && len(all) > 0 { // 1.2 - 1.4
				all[len(all)-1].operator, operator = ">=", "<="
				continue
			}
			name := strings.TrimLeft(field, "=!<>~^")
			operator += field[:len(field)-len(name)]
			if name != "" {
				all = append(all, constraint{operator, parseConstrained(name)})
				operator = ""
			}
		}
		r = append(r, all)
	}
	return r
}

// parseConstrained parses the version of a constraint, in which parts may be missing or wildcards.
func parseConstrained(text string) (v version) {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "v"), "+")
	numbers, pre, isPre := strings.Cut(text, "-")
	if isPre {
		v.pre = strings.Split(pre, ".")
	}
	for i, part := range strings.SplitN(numbers, ".", len(v.numbers)) {
		n, err := strconv.ParseUint(part, 10, 64)
		if err != nil {
			break
		}
		v.numbers[i], v.given = n, i+1
	}
	return v
}

// has reports whether a version is in a range. A pre-release is in it only if a constraint of the alternative has
// a pre-release, too.
func (r versionRange) has(v version) bool {
	return slices.ContainsFunc(r, func(all []constraint) bool {
		if len(v.pre) > 0 && !slices.ContainsFunc(all, func(c constraint) bool { return len(c.pre) > 0 }) {
			return false
		}
		return !slices.ContainsFunc(all, func(c constraint) bool { return !c.holds(v) })
	})
}

// holds reports whether a version meets a constraint (Masterminds/semver v3, constraints.go).
func (c constraint) holds(v version) bool {
	order := v.compare(c.version)
	// begun compares only the numbers that the constraint has.
	begun := slices.Compare(v.numbers[:c.given], c.numbers[:c.given])
	partly := c.given == 1 || c.given == 2
	switch c.operator {
	case "!=":
		if partly && begun == 0 {
			return c.given == 2 && len(v.pre)+len(c.pre) > 0 && !slices.Equal(v.pre, c.pre)
		}
		return order != 0
	case ">":
		return order > 0 && (!partly || begun > 0)
	case "<":
		return order < 0
	case ">=", "=>":
		return order >= 0
	case "<=", "=<":
		switch c.given {
		case 0:
			return v.numbers[0] == 0 && v.numbers[1] == 0
		case 3:
			return order <= 0
		}
		return begun <= 0
	case "^":
		return order >= 0 && c.isCompatible(v)
	case "~", "~>":
		return order >= 0 && c.isNear(v)
	}
	if c.given < 3 {
		return order >= 0 && c.isNear(v)
	}
	return order == 0
}

// isNear reports whether a version has the same minor version, or the same major version if the constraint has no
// minor.
func (c constraint) isNear(v version) bool {
	if (c.given == 0 || c.given == 3) && c.numbers == [3]uint64{} {
		return true
	}
	return v.numbers[0] == c.numbers[0] && (c.given == 1 || v.numbers[1] == c.numbers[1])
}

// isCompatible reports whether a version has the same numbers up to the first that is not zero.
func (c constraint) isCompatible(v version) bool {
	same := 3
	switch {
	case c.numbers[0] > 0 || c.given == 1:
		same = 1
	case c.numbers[1] > 0 || c.given == 2:
		same = 2
	}
	return slices.Equal(v.numbers[:same], c.numbers[:same])
}
