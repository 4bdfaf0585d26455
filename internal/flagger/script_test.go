package flagger

import (
	"testing"
	"time"
)

func TestLoadTime(t *testing.T) {
	for command, want := range map[string]time.Duration{
		"hey -z 1m -q 10 http://shop/":                  time.Minute,
		"hey -q 10 -z=90s http://shop/":                 90 * time.Second,
		"hey --z 5m http://shop/":                       5 * time.Minute,
		"wrk -d30s -t2 http://shop/":                    30 * time.Second,
		"wrk -d 30 http://shop/":                        30 * time.Second,
		"wrk --duration 2m http://shop/":                2 * time.Minute,
		"ghz --duration=1m --insecure shop:9000":        time.Minute,
		"/usr/local/bin/hey -z 1m http://shop/":         time.Minute,
		"hey -n 1000 http://shop/":                      0, // as long as it takes
		"hey -z $LONG http://shop/":                     0,
		"hey -z soon http://shop/":                      0,
		"hey -z":                                        0,
		"sleep 10; hey -z 1m http://shop/":              0, // begins when the other has ended
		"while true; do hey -z 1m http://shop/; done":   0,
		"hey -z 1m http://shop/ | tee /tmp/out":         0,
		"timeout 10 hey -z 1m http://shop/":             0,
		"for i in 1 2; do hey -z 1m http://shop/; done": 0,
		"hey -z 1m http://shop/ && curl http://shop/ok": 0,
	} {
		if got, ok := LoadTime(command); !ok || got != want {
			t.Errorf("%s: %s, %t, want %s", command, got, ok, want)
		}
	}
	for _, command := range []string{"curl http://shop/", "echo hey -z 1m", "'"} {
		if _, ok := LoadTime(command); ok {
			t.Errorf("%s: it makes load, want none", command)
		}
	}
}
