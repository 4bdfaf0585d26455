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
		"hey -n 1000 http://shop/":                      0, // for as long as it takes
		"hey -z $LONG http://shop/":                     0,
		"hey -z soon http://shop/":                      0,
		"hey -z":                                        0,
		"sleep 10; hey -z 1m http://shop/":              0, // begins when the first has ended
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
			t.Errorf("%s: sends load, want none", command)
		}
	}
}

func TestLoad(t *testing.T) {
	for command, want := range map[string]Load{
		"hey -z 1m -q 10 -c 2 http://shop/":                  {20, time.Minute},
		"hey -z 1m -q 10 http://shop/":                       {500, time.Minute}, // by 50 clients
		"hey -q=0.5 -c=4 -z=30s http://shop/":                {2, 30 * time.Second},
		"hey -z 1m -c 2 http://shop/":                        {0, time.Minute}, // as fast as the server answers
		"hey -n 200 -q 10 -c 2 http://shop/":                 {20, 10 * time.Second},
		"hey -n 101 -c 2 http://shop/":                       {100, time.Second},
		"hey -z 30s -n 5 -q 1 -c 1 http://shop/":             {1, 30 * time.Second}, // -z overrides -n
		"hey -z 1m -q $RATE http://shop/":                    {},
		"hey -z 1m -q 10 http://shop/ && true":               {},
		"ghz -z 1m -r 20 --insecure shop:9000":               {20, time.Minute},
		"ghz --rps=20 --total=100 --insecure shop:9000":      {20, 5 * time.Second},
		"ghz --insecure shop:9000":                           {200, time.Second},
		"wrk -d30s -t2 http://shop/":                         {0, 30 * time.Second},
		"wrk -d 30 -R 100 http://shop/":                      {100, 30 * time.Second},
		"wrk -R100 http://shop/":                             {100, 10 * time.Second},
		"bombardier -c 10 -r 50 -d 20s http://shop/":         {50, 20 * time.Second},
		"bombardier --rate=50 -n 100 http://shop/":           {50, 2 * time.Second},
		"fortio load http://shop/":                           {8, 5 * time.Second},
		"fortio load -qps 100 -t 1m http://shop/":            {100, time.Minute},
		"fortio load -qps 10 -n 50 http://shop/":             {10, 5 * time.Second},
		"k6 run --vus 10 --duration 1m --rps 30 /scripts/k6": {30, time.Minute},
		"k6 run --vus 10 --duration 1m /scripts/k6":          {0, time.Minute},
		"fortio load -qps 0 -t 50s http://shop/":             {}, // without a limit
		"fortio load -t 0 http://shop/":                      {}, // until it is stopped
		"hey -z 50 -q 10 -c 2 http://shop/":                  {}, // which hey rejects
		"hey -z 50s -q 10 -c 0 http://shop/":                 {},
	} {
		if call, ok := LoadCall(command); !ok || call.Load() != want {
			t.Errorf("%s: %v, %t, want %v", command, call.Load(), ok, want)
		}
	}
}
