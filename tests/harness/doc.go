// Package harness runs longhaul's programs as processes against a real Temporal development server, for the tests that need whole processes.
package harness
