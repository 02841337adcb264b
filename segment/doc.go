// Package segment keeps the results of one chunk on disk: a log in order of completion that survives its writer's death, sealed
// with an index so that it is read in record order. docs/formats.md gives the bytes.
//
// A Writer is the only one: it holds the file's lock. Open waits for another to let go, recovers what that one wrote, and tells
// which records are still missing. A Reader reads a sealed segment.
package segment
