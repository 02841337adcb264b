// Command bench measures longhaul against its peers on the same input, side by side in one run: `make bench`. The candidates of a load take turns, forwards
// in one round and backwards in the next, and a figure is made of runs of the same round, since the machine's own speed varies.
//
// It re-executes itself as the target and as the peers that are written in Go, so that each is a process of its own.
package main
