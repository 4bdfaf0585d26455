package power

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// counts is the distribution of a number of requests.
type counts struct {
	// least is the smallest possible number, and chances are the chances of least and of the numbers after it, in
	// steps.
	least, step int
	chances     []float64
}

// spread is the number of standard deviations around the mean that are summed. The rest has a chance below 1e-8.
const spread = 6

// mostNumbers is the maximum number of values of a distribution. With more, one value stands for its neighbors.
const mostNumbers = 1 << 12

// fixed returns the distribution of a certain number.
func fixed(n int) counts { return counts{n, 1, []float64{1}} }

// binomial returns the distribution of the number of requests, out of n, that belong to a share.
func binomial(n int, share float64) counts {
	mean := float64(n) * share
	return around(mean, mean*(1-share), n, func(k int) float64 { return float64(n-k) / float64(k+1) * share / (1 - share) })
}

// poisson returns the distribution of the number of requests that arrive at random, with this mean.
func poisson(mean float64) counts {
	return around(mean, mean, math.MaxInt, func(k int) float64 { return mean / float64(k+1) })
}

// normal returns the distribution of a large number with this mean and variance.
func normal(mean, variance float64) counts {
	return around(mean, variance, math.MaxInt, func(k int) float64 { return math.Exp((mean - float64(k) - .5) / variance) })
}

// around returns the distribution of a number between 0 and most. ratio returns the chance of k+1 divided by the
// chance of k.
func around(mean, variance float64, most int, ratio func(k int) float64) counts {
	// The tail of small means is longer than that of a normal distribution.
	width := spread*math.Sqrt(variance) + spread*spread/2
	least, last := max(int(mean-width), 0), min(int(mean+width)+1, most)
	c := counts{least: least, step: (last-least)/mostNumbers + 1}
	c.chances = make([]float64, (last-least)/c.step+1)
	middle := min(max(int(mean)-least, 0)/c.step, len(c.chances)-1)
	c.chances[middle] = 1
	sum := 1.0
	for i, chance := middle+1, 1.0; i < len(c.chances); i++ {
		for k := least + (i-1)*c.step; k < least+i*c.step; k++ {
			chance *= ratio(k)
		}
		c.chances[i], sum = chance, sum+chance
	}
	for i, chance := middle-1, 1.0; i >= 0; i-- {
		for k := least + (i+1)*c.step - 1; k >= least+i*c.step; k-- {
			chance /= ratio(k)
		}
		c.chances[i], sum = chance, sum+chance
	}
	for i := range c.chances {
		c.chances[i] /= sum
	}
	return c
}

// mostPairs is the maximum number of pairs that are added up. With more pairs, both numbers are so large that
// their sum is nearly normal.
const mostPairs = 1 << 16

// plus returns the distribution of the sum of two independent numbers.
func (c counts) plus(other counts) counts {
	if len(c.chances) > len(other.chances) {
		c, other = other, c
	}
	if len(c.chances) == 1 {
		other.least += c.least
		return other
	}
	if len(c.chances)*len(other.chances) > mostPairs || c.step != other.step {
		m1, v1 := c.moments()
		m2, v2 := other.moments()
		return normal(m1+m2, v1+v2)
	}
	sum := counts{c.least + other.least, c.step, make([]float64, len(c.chances)+len(other.chances)-1)}
	for i, p := range c.chances {
		for j, q := range other.chances {
			sum.chances[i+j] += p * q
		}
	}
	return sum
}

// moments returns the mean and the variance.
func (c counts) moments() (mean, variance float64) {
	for i, p := range c.chances {
		mean += p * float64(c.least+i*c.step)
	}
	for i, p := range c.chances {
		d := float64(c.least+i*c.step) - mean
		variance += p * d * d
	}
	return mean, variance
}

// none returns the chance of no request at all.
func (c counts) none() float64 {
	if c.least > 0 {
		return 0
	}
	return c.chances[0]
}

// fails returns the chance that a check fails, if each request is bad with the chance bad. It fails without
// requests, and if the share of bad requests is below least or above most.
func (c counts) fails(bad, least, most float64) float64 {
	if least == 0 && c.settles(bad, most) {
		if bad < most {
			return 0
		}
		return 1
	}
	passes := c.atMost(bad, func(n int) int { return allowed(n, most) })
	if least > 0 {
		passes -= c.atMost(bad, func(n int) int { return -allowed(n, -least) - 1 })
	}
	return min(max(1-c.none()-passes, 0)+c.none(), 1)
}

// settles reports whether the share of bad requests is almost certainly on one side of share, for every possible
// number of requests (Chernoff's bound).
func (c counts) settles(bad, share float64) bool {
	const doubt = 23 // the logarithm of a chance of 1e-10
	if c.least == 0 || bad == 0 || bad == 1 || share <= 0 || share >= 1 {
		return false
	}
	divergence := share*math.Log(share/bad) + (1-share)*math.Log((1-share)/(1-bad))
	return float64(c.least)*divergence > doubt
}

// atMost returns the chance that a check sees requests, and that at most limit(n) of n are bad.
func (c counts) atMost(bad float64, limit func(n int) int) (sum float64) {
	w := walk{bad: bad}
	for i, p := range c.chances {
		if n := c.least + i*c.step; n > 0 && p > 0 {
			sum += p * w.to(n, limit(n))
		}
	}
	return sum
}

// A walk computes the chance of at most k bad requests among n from the chance of a nearby pair. A step costs a
// few multiplications, and the incomplete beta function would cost hundreds.
type walk struct {
	bad  float64
	n, k int
	// chance is the chance of at most k bad requests, and exactly is the chance of exactly k.
	chance, exactly float64
	begun           bool
}

// nearby is the number of steps that are cheaper than a new beginning.
const nearby = 1 << 6

// to returns the chance of at most k bad ones among n requests.
func (w *walk) to(n, k int) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n || w.bad == 0:
		return 1
	case w.bad == 1:
		return 0
	}
	if !w.begun || n < w.n || k < w.k || n-w.n+k-w.k > nearby {
		w.begin(n, k)
		return w.chance
	}
	for w.n < n {
		// With one more request, that request may exceed the limit.
		w.chance -= w.bad * w.exactly
		w.exactly *= (1 - w.bad) * float64(w.n+1) / float64(w.n+1-w.k)
		w.n++
	}
	for w.k < k {
		w.exactly *= w.bad / (1 - w.bad) * float64(w.n-w.k) / float64(w.k+1)
		w.k++
		w.chance += w.exactly
	}
	return w.chance
}

// begin computes the chances of a pair directly (Abramowitz and Stegun 26.5.24).
func (w *walk) begin(n, k int) {
	a, b := float64(n-k), float64(k+1)
	logN, _ := math.Lgamma(float64(n) + 1)
	logK, _ := math.Lgamma(b)
	logRest, _ := math.Lgamma(a + 1)
	w.n, w.k, w.begun = n, k, true
	w.chance = mathext.RegIncBeta(a, b, 1-w.bad)
	w.exactly = math.Exp(logN - logK - logRest + float64(k)*math.Log(w.bad) + a*math.Log1p(-w.bad))
}
