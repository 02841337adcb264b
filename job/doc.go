// Package job is longhaul's vocabulary: what a job is asked to do (Spec), where its output stands (Position), what passes
// between its workflow and its activities, and how each of them fails (Error). It imports the standard library only and does no I/O.
package job
