// Package e2e runs longhaul's programs as processes against a real Temporal development server, as a user does.
package e2e
