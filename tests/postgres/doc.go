// Package postgres runs the topology of docker-compose.yml as processes, with the settings that stand there: PostgreSQL, a Temporal server built from its
// module, the Web UI, workers that take each other for other hosts, and a starter. `make e2e-postgres` builds and installs what it needs.
package postgres
