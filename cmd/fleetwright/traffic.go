package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/render/rules"
)

// trafficFlags are the users' requests to rollouts without expectedTraffic.
type trafficFlags struct {
	requests, matching, baseline string
	rules.Expected
}

func (f *trafficFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.requests, "traffic", "", "request `RATE` of users for each rollout without expectedTraffic, such as 200/s")
	cmd.Flags().StringVar(&f.matching, "matching", "", "`SHARE` of these requests that match the conditions of A/B testing, such as 5%")
	cmd.Flags().StringVar(&f.baseline, "baseline", "", "`SHARE` of requests that fail on a good version (default 0.1%)")
	for _, name := range []string{"traffic", "matching", "baseline"} {
		completeFlag(cmd, name, cobra.NoFileCompletions)
	}
}

// rateUnits are the units of --traffic.
var rateUnits = map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour}

// check reads the flags, and returns which has a value that it cannot have.
func (f *trafficFlags) check() error {
	if f.requests != "" {
		number, unit, _ := strings.Cut(f.requests, "/")
		n, err := strconv.ParseFloat(number, 64)
		per := rateUnits[unit]
		if err == nil && per > 0 {
			f.RequestsPerSecond = n / per.Seconds()
		}
		if !(f.RequestsPerSecond > 0 && f.RequestsPerSecond <= rules.MostRequestsPerSecond) {
			return &usageError{"--traffic " + f.requests + " is not a request rate", "--traffic 200/s, 12000/m or 720000/h"}
		}
	}
	if f.matching != "" {
		share, ok := rules.ParseShare(f.matching)
		if f.Matching = share; !ok || share == 0 {
			return &usageError{"--matching " + f.matching + " is not a share in percent", "--matching 5%"}
		}
	}
	if f.baseline != "" {
		share, ok := rules.ParseShare(f.baseline)
		if !ok {
			return &usageError{"--baseline " + f.baseline + " is not a share in percent", "--baseline 0.1%"}
		}
		f.ErrorRate = &share
	}
	return nil
}
