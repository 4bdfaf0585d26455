package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// shown returns the content of a terminal with a number of columns after an output, and its last content
// before.
func shown(printed string) (now, before string) {
	var line []rune
	at := 0
	for _, r := range printed {
		if r == '\r' {
			if text := strings.TrimRight(string(line), " "); text != "" {
				before = text
			}
			at = 0
			continue
		}
		line = append(line[:at], append([]rune{r}, line[min(at+1, len(line)):]...)...)
		at++
	}
	return strings.TrimRight(string(line), " "), before
}

func TestShortRunsShowNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := &progress{to: &out, began: time.Now()}
		count := p.counter("writing")
		p.start("compiling")
		time.Sleep(progressAfter / 2)
		p.clear()
		p.start("comparing")
		for i := range 1000 {
			count(i+1, 1000)
		}
		p.clear()
		time.Sleep(time.Minute)
		if out.String() != "" {
			t.Errorf("a short run prints %q", out.String())
		}
	})
}

func TestLongRunsShowWhatTheyDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := &progress{to: &out, began: time.Now()}
		p.start("compiling")
		time.Sleep(progressAfter + progressTick/2)
		synctest.Wait()
		if now, _ := shown(out.String()); now != "| compiling" {
			t.Errorf("after %v: %q", progressAfter, now)
		}
		p.clear()
		if now, _ := shown(out.String()); now != "" {
			t.Errorf("between two phases: %q", now)
		}
		p.start("comparing")
		if now, _ := shown(out.String()); now != "| comparing" {
			t.Errorf("the second phase begins with %q", now)
		}
		out.Reset()
		count := p.counter("writing")
		for i := range 1000 {
			count(i+1, 1000)
			time.Sleep(progressTick / 10)
		}
		p.clear()
		now, before := shown(out.String())
		if now != "" || !strings.HasPrefix(before, "writing  99% [==================>.] (9") {
			t.Errorf("before %q, after %q", before, now)
		}
		if len(before) > progressWidth-2*len("00/000") {
			t.Errorf("%q leaves no room for counts of six digits", before)
		}
		if strings.Contains(out.String(), "\n") || strings.Contains(out.String(), "\x1b") {
			t.Errorf("more than one line is used: %q", out.String())
		}
	})
}
