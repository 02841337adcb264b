// Package workflows is the orchestration of a job: the workflow Map, deterministic and without I/O. It knows byte ranges and counts, never a
// record. What it knows is a cache: the output's manifest and the segments on disk are authoritative, and each run of the workflow begins by
// asking them (Prepare), so that a start, a resume, a reset and a continue-as-new are one path.
//
//	Prepare --> list, process, append, until the input is answered --> Summary
//	   ^                                  |
//	   +---- continue as new (budget, or the claim was lost)
//
// plan.go holds the arithmetic as pure functions, calls.go the calls of activities, coordinator.go the state and its transitions, listing.go those of what is to be done. call.go is a workflow
// of its own, by which a task has an activity of somebody else's worker run.
package workflows
