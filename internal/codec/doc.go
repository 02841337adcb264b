// Package codec encrypts what Temporal is given: the payloads of workflows, activities, signals, updates, queries, heartbeats and memos, what a job's page tells, and the
// text of errors. The form is that of Temporal's own samples in every language: the payload as protobuf, sealed with AES-256-GCM behind
// its nonce of 12 bytes, with the metadata "encoding" (binary/encrypted) and "encryption-key-id".
package codec
