// Package activities is every side effect of a job: four activities, thin over the packages input, task, segment, output and slots.
//
// Each finds the truth on disk before it acts, so that a retry, a second attempt beside a first that still runs, and an
// attempt of a run that is long over all do the right thing. Errors are translated for Temporal in one place, errors.go.
package activities
