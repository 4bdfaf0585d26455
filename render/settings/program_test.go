package settings

import "testing"

func TestReleasesInARange(t *testing.T) {
	for _, tt := range []struct {
		release, wanted string
		want            bool
	}{
		{"v0.9.0", ">=0.9", true},
		{"v1.2.3", ">=0.9", true},
		{"v0.8.9", ">=0.9", false},
		{"v0.9.0", ">0.9", false},
		{"v0.9.1", ">0.9", true},
		{"v0.9.0", "=0.9", true},
		{"v0.9.1", "=v0.9", false},
		{"v1.9.9", ">=0.9 <2", true},
		{"v2.0.0", ">=0.9, <2", false},
		{"v1.9.9", ">= 0.9, < 2", true},
		{"v2.0.0", ">= 0.9 < 2", false},
		{"v2.0.0", "<=2", true},
		{"v0.10.0", ">=0.9.1", true},
		{"v0.9.0-rc.1", ">=0.9", false},
		{"v0.9.0-rc.2", ">=0.9.0-rc.1", true},
		{"v1.0.0-rc.1", ">=0.9", true},
		{"v1.0.0-rc.1", "<1", true},
	} {
		if got := inRange(tt.release, tt.wanted); got != tt.want {
			t.Errorf("%s in %s: %t", tt.release, tt.wanted, got)
		}
	}
}
