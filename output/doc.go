// Package output keeps the ordered output of a job: the file itself, the errors file, and the manifest that says where both stand and
// which run may write. docs/formats.md gives the bytes and the order of the steps of a commit.
//
// The manifest is authoritative: bytes of the output past its position do not count. Every change happens under the output's lock.
package output
