// Package failures is the failed records of a job: their line in the errors file, and what they failed of, told apart by cause.
package failures
