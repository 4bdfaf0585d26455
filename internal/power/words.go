package power

import (
	"math"
	"strconv"
)

// Percent returns a share in percent with two significant digits: 4.3%.
func Percent(share float64) string { return percent(share, math.Round) }

// PercentUp returns a share in percent as Percent does, but rounded up: a version with the printed share is caught at
// least as often as one with the exact share.
func PercentUp(share float64) string {
	const noise = 1e-9 // of computed shares
	return percent(share, func(n float64) float64 { return math.Ceil(n * (1 - noise)) })
}

func percent(share float64, round func(float64) float64) string {
	percent, digits := share*100, 0
	if percent > 0 && percent < 10 {
		digits = 1 - int(math.Floor(math.Log10(percent)))
	}
	return decimal(percent, digits, round) + "%"
}

// OfHundred returns a chance as a number out of 100, with a decimal if it is close to 0 or 100.
func OfHundred(chance float64) string {
	const nearly = .05
	switch n := chance * 100; {
	case n > 0 && n < nearly:
		return "less than 0.1"
	case n < 100 && n > 100-nearly:
		return "more than 99.9"
	case n < 1 || n > 99:
		return decimal(n, 1, math.Round)
	default:
		return decimal(n, 0, math.Round)
	}
}

// Rounded returns a number of requests, with a decimal if it is small.
func Rounded(n float64) string {
	if n >= 10 {
		return decimal(n, 0, math.Round)
	}
	return decimal(n, 1, math.Round)
}

// decimal returns a number with at most this number of decimals.
func decimal(n float64, decimals int, round func(float64) float64) string {
	scale := math.Pow10(decimals)
	return strconv.FormatFloat(round(n*scale)/scale, 'f', -1, 64)
}
