// Package crash proves the promises under fire: real processes are killed and stopped on a seeded schedule, and afterwards every byte is checked.
package crash
