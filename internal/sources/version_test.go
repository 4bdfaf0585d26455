package sources

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"

	"github.com/fleetwright/fleetwright/internal/git"
)

// TestVersionRanges compares ranges with those of Masterminds/semver, which source-controller uses.
func TestVersionRanges(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	one := func(all ...string) string { return all[random.IntN(len(all))] }
	number := func() string { return one("0", "1", "2", "10") }
	pre := func() string { return one("", "", "", "-0", "-rc.1", "-rc.2", "-rc", "-1", "-beta", "-10.a") }
	build := func() string { return one("", "", "", "+b.1", "+001") }
	part := func() string { return one(number(), number(), "x", "*", "X") }
	constrained := func() string {
		text := one("", "", "v") + part()
		if random.IntN(4) > 0 {
			text += "." + part()
			if random.IntN(3) > 0 {
				text += "." + part() + pre() + build()
			}
		}
		return text
	}
	found := 0
	for range 20_000 {
		text := ""
		for i := range 1 + random.IntN(2) {
			if i > 0 {
				text += one(" || ", ", ", " ", " , ") // Masterminds/semver reads a||b - c as a range from a||b
			}
			if random.IntN(6) == 0 {
				text += constrained() + " - " + constrained()
			} else {
				text += one("", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^") + one("", " ") + constrained()
			}
		}
		theirs, err := semver.NewConstraint(text)
		if err != nil {
			continue
		}
		tag := one("", "v") + number() + "." + number() + "." + number() + pre() + build()
		v, err := semver.StrictNewVersion(strings.TrimPrefix(tag, "v"))
		ours, ok := parseVersion(tag)
		if ok != (err == nil) {
			t.Fatalf("%s is a version: %v, and for Flux: %v", tag, ok, err)
		}
		want := theirs.Check(v)
		if got := parseRange(text).has(ours); got != want {
			t.Fatalf("%s has %s: %v, and for Flux: %v", text, tag, got, want)
		}
		if want {
			found++
		}
	}
	if found < 1000 {
		t.Errorf("only %d versions were in their ranges", found)
	}
}

func TestVersions(t *testing.T) {
	for _, text := range []string{
		"1.2.3", "v1.2.3", "vv1.2.3", "1.2", "1", "", "1.2.3.4", "01.2.3", "1.2.3-01", "1.2.3-0a", "1.2.3-", "1.2.3+", "1.2.3-a..b",
		"1.2.3+01", "1.2.3-a+b-c", "1.2.3+a+b", "1.2.x", "1.2.3-ä", "18446744073709551615.0.0", "18446744073709551616.0.0", "-1.2.3", "1.+2.3", "release-1.2.3",
	} {
		_, err := semver.StrictNewVersion(strings.TrimPrefix(text, "v"))
		if _, ok := parseVersion(text); ok != (err == nil) {
			t.Errorf("%q is a version: %v, and for Flux: %v", text, ok, err)
		}
	}
}

func TestNewestTag(t *testing.T) {
	tags := []git.Tag{{Name: "0.9.0", Time: 9}, {Name: "1.0.0", Time: 5}, {Name: "latest", Time: 9}, {Name: "v1.10.0", Time: 3}, {Name: "v1.2.0", Time: 8},
		{Name: "v1.11.0-rc.1", Time: 9}, {Name: "v2.0.0+a", Time: 7}, {Name: "v2.0.0+b", Time: 6}}
	for versions, want := range map[string]string{
		">=1.0.0 <2.0.0": "v1.10.0", "1.0.0": "1.0.0", "0.x": "0.9.0", "*": "v2.0.0+a", ">=1.11.0-0 <2.0.0": "v1.11.0-rc.1", ">=3": "",
	} {
		if got := newest(tags, versions); got != want {
			t.Errorf("the newest of %s is %q, want %q", versions, got, want)
		}
	}
}
