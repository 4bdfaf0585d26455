package power

import (
	"math"
	"strconv"
)

// Percent returns a share in percent, with two digits: 4.3%.
func Percent(share float64) string {
	percent := share * 100
	if percent == 0 || percent >= 10 {
		return decimal(percent, 0) + "%"
	}
	return decimal(percent, 1-int(math.Floor(math.Log10(percent)))) + "%"
}

// OfHundred returns how many of 100 a chance is, with a decimal where that is near to none or all.
func OfHundred(chance float64) string {
	const nearly = .05
	switch n := chance * 100; {
	case n > 0 && n < nearly:
		return "less than 0.1"
	case n < 100 && n > 100-nearly:
		return "more than 99.9"
	case n < 1 || n > 99:
		return decimal(n, 1)
	default:
		return decimal(n, 0)
	}
}

// Rounded returns a number of requests, with a decimal where there are few.
func Rounded(n float64) string {
	if n >= 10 {
		return decimal(n, 0)
	}
	return decimal(n, 1)
}

// decimal returns a number with so many decimals at most.
func decimal(n float64, decimals int) string {
	scale := math.Pow10(decimals)
	return strconv.FormatFloat(math.Round(n*scale)/scale, 'f', -1, 64)
}
