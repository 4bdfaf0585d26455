// Package rollout makes the objects of rollouts: the Canary, its MetricTemplates and its load
// tester, as patches leave them. It has the rules judge them, and finds what in the input each
// of their fields comes from.
package rollout
