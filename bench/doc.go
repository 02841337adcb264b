// Command bench measures longhaul against its peers on the same input, side by side in one run: `make bench`. Every figure is a ratio within
// one pair, since the machine's own speed varies. It re-executes itself as the target and as the bare loop, so that each is a process of its own.
package main
