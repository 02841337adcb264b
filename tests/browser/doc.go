// Package browser looks at jobs in Temporal's Web UI, with a real browser.
package browser
