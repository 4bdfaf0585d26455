package flagger

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A generator is a load generator. Its fields are the options that set the amount of load.
type generator struct {
	// duration, requests and clients are options whose value is a time or a number.
	duration, requests, clients []string
	// rate is the option for requests per second, of each client or in total.
	rate         []string
	ofEachClient bool
	// defaultRequests, defaultClients, defaultRate and defaultDuration apply without these options.
	defaultRequests, defaultClients float64
	defaultRate                     float64
	defaultDuration                 time.Duration
	// contented reports whether it exits with 0 whatever the responses are.
	contented bool
}

// generators are the common load generators in load testers. Flagger's own image has only the first three
// (rakyll/hey hey.go; bojand/ghz cmd/ghz/main.go; wg/wrk src/wrk.c, and giltene/wrk2 for its rate;
// codesenberg/bombardier args_parser.go; fortio/fortio cli/fortio_main.go; grafana/k6 internal/cmd/options.go).
var generators = map[string]generator{
	"hey": {
		duration: []string{"-z", "--z"}, requests: []string{"-n", "--n"}, clients: []string{"-c", "--c"}, rate: []string{"-q", "--q"}, ofEachClient: true,
		defaultRequests: 200, defaultClients: 50, contented: true,
	},
	"ghz": {
		duration: []string{"-z", "--duration"}, requests: []string{"-n", "--total"}, rate: []string{"-r", "--rps"},
		defaultRequests: 200, contented: true,
	},
	"wrk": {duration: []string{"-d", "--duration"}, rate: []string{"-R", "--rate"}, defaultDuration: 10 * time.Second, contented: true},
	"bombardier": {
		duration: []string{"-d", "--duration"}, requests: []string{"-n", "--requests"}, rate: []string{"-r", "--rate"},
		defaultDuration: 10 * time.Second, contented: true,
	},
	"fortio": {
		duration: []string{"-t", "--t"}, requests: []string{"-n", "--n"}, rate: []string{"-qps", "--qps"},
		defaultRate: 8, defaultDuration: 5 * time.Second,
	},
	// k6 runs a script, and --rps limits its rate.
	"k6": {duration: []string{"-d", "--duration"}, rate: []string{"--rps"}},
}

// IsLoadGenerator reports whether a command generates the measured traffic.
func IsLoadGenerator(name string) bool { _, ok := generators[path.Base(name)]; return ok }

// A Load is the traffic that a command generates.
type Load struct {
	// Rate is the number of requests per second, or 0 if it depends on more than the command.
	Rate float64
	// Lasts is the duration, or 0 if it depends on more than the command.
	Lasts time.Duration
}

// LoadTime returns how long a command generates load, or 0 if that is unknown. It returns false if the command
// generates no load.
func LoadTime(script string) (lasts time.Duration, ok bool) {
	call, ok := LoadCall(script)
	return call.Lasts(), ok
}

// LoadCall returns the call of a script that generates load, without a name if the script does more than this
// call. It returns false if the script generates no load.
func LoadCall(script string) (call Call, ok bool) {
	parsed, err := ParseScript(script)
	if err != nil || !slices.ContainsFunc(parsed.Calls, func(c Call) bool { return IsLoadGenerator(c.Name) }) {
		return Call{}, false
	}
	if !parsed.Simple || len(parsed.Calls) > 1 {
		return Call{}, true
	}
	return parsed.Calls[0], true
}

// Lasts returns how long a load generator runs, or 0 if its words do not set it.
func (c Call) Lasts() time.Duration {
	if !c.isKnown() {
		return 0
	}
	return c.timeOf(generators[path.Base(c.Name)].duration)
}

// burst is the duration of requests without a rate limit, which end long before the next check.
const burst = time.Second

// Load returns the load that the words of a load generator set.
func (c Call) Load() (l Load) {
	g, ok := generators[path.Base(c.Name)]
	if !ok || !c.isKnown() || !c.isSound(g) {
		return Load{}
	}
	l.Rate = c.numberOr(g.rate, g.defaultRate)
	if g.ofEachClient {
		l.Rate *= c.clients()
	}
	switch l.Lasts = c.timeOf(g.duration); {
	case l.Lasts > 0:
	case !c.isCounted(g):
		l.Lasts = g.defaultDuration
	case l.Rate == 0:
		return Load{c.requests() / burst.Seconds(), burst}
	default:
		l.Lasts = time.Duration(min(c.requests()/l.Rate*float64(time.Second), math.MaxInt64/2))
	}
	return l
}

// isSound reports whether the values of the options are valid numbers and times. A load generator rejects others,
// or runs without a limit.
func (c Call) isSound(g generator) bool {
	for _, names := range [][]string{g.rate, g.clients, g.requests} {
		if _, set := c.option(names); set {
			if _, ok := c.numberOf(names); !ok {
				return false
			}
		}
	}
	_, set := c.option(g.duration)
	return !set || c.timeOf(g.duration) > 0
}

// isCounted reports whether the number of requests determines how long the generator runs.
func (c Call) isCounted(g generator) bool {
	_, set := c.numberOf(g.requests)
	return c.timeOf(g.duration) == 0 && (set || g.defaultDuration == 0) && len(g.requests) > 0
}

// Times returns the load generator with the option that multiplies the number of its requests by times.
func (c Call) Times(times float64) string {
	name := path.Base(c.Name)
	g := generators[name]
	if c.isCounted(g) {
		return fmt.Sprintf("%s … %s %d", name, g.requests[0], int(math.Ceil(c.requests()*times-rounding)))
	}
	return fmt.Sprintf("%s … %s %d", name, g.rate[0], int(math.Ceil(c.numberOr(g.rate, g.defaultRate)*times-rounding)))
}

// rounding is the error above a whole number that a product of decimal fractions may have.
const rounding = 1e-6

// requests returns how many requests a load generator without a duration sends, or 0. All clients of hey send the
// same number (rakyll/hey requester/requester.go, runWorkers).
func (c Call) requests() float64 {
	g := generators[path.Base(c.Name)]
	n := c.numberOr(g.requests, g.defaultRequests)
	if clients := c.clients(); clients > 0 {
		n = math.Floor(n/clients) * clients
	}
	return n
}

// clients returns the number of clients that send independently, or 0 if it does not matter.
func (c Call) clients() float64 {
	g := generators[path.Base(c.Name)]
	return c.numberOr(g.clients, g.defaultClients)
}

// isKnown reports whether all words of a call are known.
func (c Call) isKnown() bool {
	return !slices.ContainsFunc(c.Words, func(w Word) bool { return !w.Known })
}

// option returns the value of the first of the named options that a call has.
func (c Call) option(names []string) (value string, ok bool) {
	for i, w := range c.Words {
		for _, name := range names {
			value, found := strings.CutPrefix(w.Text, name)
			attached := value != "" && len(name) == len("-x") && value[0] >= '0' && value[0] <= '9'
			switch {
			case !found || value != "" && value[0] != '=' && !attached:
			case value != "":
				return strings.TrimPrefix(value, "="), true
			case i+1 < len(c.Words):
				return c.Words[i+1].Text, true
			}
		}
	}
	return "", false
}

// numberOf returns the value of an option if it is a positive number.
func (c Call) numberOf(names []string) (n float64, ok bool) {
	text, _ := c.option(names)
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && n > 0 && n < math.MaxInt32
}

func (c Call) numberOr(names []string, otherwise float64) float64 {
	if n, ok := c.numberOf(names); ok {
		return n
	}
	return otherwise
}

// timeOf returns the value of an option if it is a time. A plain number means seconds, as in wrk.
func (c Call) timeOf(names []string) time.Duration {
	text, _ := c.option(names)
	if _, err := strconv.Atoi(text); err == nil && path.Base(c.Name) == "wrk" {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0
	}
	return max(d, 0)
}
