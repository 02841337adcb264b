// Package compose holds docker-compose.yml, the Dockerfile and the files under deploy/ to what they promise, without a Docker engine.
package compose
