// Package e2e runs longhaul as a user does, and looks at what the user would see.
package e2e
