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

// A generator makes the traffic that is measured. Its fields are the options that say how much.
type generator struct {
	// duration, requests and clients have a number or a time each.
	duration, requests, clients []string
	// rate is of requests in a second: of each client, or of all together.
	rate         []string
	ofEachClient bool
	// defaultRequests and defaultClients are sent, and defaultRate and defaultDuration kept to, where no option says
	// otherwise.
	defaultRequests, defaultClients float64
	defaultRate                     float64
	defaultDuration                 time.Duration
	// contented reports that it exits with 0 whatever it is answered.
	contented bool
}

// generators are the load generators that people run in load testers. Only the first three are in Flagger's own image
// (rakyll/hey hey.go; bojand/ghz cmd/ghz/main.go; wg/wrk src/wrk.c, and giltene/wrk2 for its rate; codesenberg/bombardier
// args_parser.go; fortio/fortio cli/fortio_main.go; grafana/k6 internal/cmd/options.go).
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
	// A script decides what k6 sends; --rps is the most that it does.
	"k6": {duration: []string{"-d", "--duration"}, rate: []string{"--rps"}},
}

// IsLoadGenerator reports whether a command makes the traffic that is measured.
func IsLoadGenerator(name string) bool { _, ok := generators[path.Base(name)]; return ok }

// A Load is the traffic that a command makes.
type Load struct {
	// Rate is the number of requests in a second, or 0 where that depends on more than the command.
	Rate float64
	// Lasts is for how long, or 0 where that does.
	Lasts time.Duration
}

// LoadTime returns for how long a command makes load: 0 where that cannot be told without running it, or where no
// option says so. It is false for a command that makes none.
func LoadTime(script string) (lasts time.Duration, ok bool) {
	call, ok := LoadCall(script)
	return call.Lasts(), ok
}

// LoadCall returns the call of a command that makes load: one without a name where the command has more than that call.
// It is false for a command that makes none.
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

// Lasts returns for how long a load generator runs, or 0 where its words do not say it.
func (c Call) Lasts() time.Duration {
	if !c.isKnown() {
		return 0
	}
	return c.timeOf(generators[path.Base(c.Name)].duration)
}

// burst is how long requests take that no rate holds back: they are over long before the next check.
const burst = time.Second

// Load returns what a load generator sends by its words.
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

// isSound reports whether the options that are set have values that are numbers and times: other ones mean no limit, or
// are refused.
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

// isCounted reports whether a number of requests decides for how long the generator runs.
func (c Call) isCounted(g generator) bool {
	_, set := c.numberOf(g.requests)
	return c.timeOf(g.duration) == 0 && (set || g.defaultDuration == 0) && len(g.requests) > 0
}

// Times returns the option with which a load generator sends so many times as many requests.
func (c Call) Times(times float64) string {
	g := generators[path.Base(c.Name)]
	if c.isCounted(g) {
		return fmt.Sprintf("%s %d", g.requests[0], int(math.Ceil(c.requests()*times-rounding)))
	}
	return fmt.Sprintf("%s %d", g.rate[0], int(math.Ceil(c.numberOr(g.rate, g.defaultRate)*times-rounding)))
}

// rounding is what a product of decimal fractions may be above a whole number.
const rounding = 1e-6

// requests returns how many requests a load generator sends that has no time to run for, or 0. Each client of hey sends
// as many as any other (rakyll/hey requester/requester.go, runWorkers).
func (c Call) requests() float64 {
	g := generators[path.Base(c.Name)]
	n := c.numberOr(g.requests, g.defaultRequests)
	if clients := c.clients(); clients > 0 {
		n = math.Floor(n/clients) * clients
	}
	return n
}

// clients returns how many clients a load generator has of which each sends by itself, or 0 where that does not count.
func (c Call) clients() float64 {
	g := generators[path.Base(c.Name)]
	return c.numberOr(g.clients, g.defaultClients)
}

// isKnown reports whether all words of a call are.
func (c Call) isKnown() bool {
	return !slices.ContainsFunc(c.Words, func(w Word) bool { return !w.Known })
}

// option returns the value of the first of some options that a call has.
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

// numberOf returns the value of an option that is a positive number.
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

// timeOf returns the value of an option that is a time. A number is of seconds, as wrk reads it.
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
