# The programs longhaul and longhaul-worker, static, in an image that holds nothing else:
#
#   docker build -t longhaul .
#
# Tasks that are commands (-- COMMAND, --shell, --pipe) need those commands in the image: build it on one that has them, or copy them in from there.
#
#   docker build -t longhaul --build-arg RUNTIME=debian:12.11-slim .
ARG RUNTIME=scratch

FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w" -o /out/longhaul ./starter && \
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w" -o /out/longhaul-worker ./worker

FROM ${RUNTIME}
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/longhaul /out/longhaul-worker /usr/local/bin/
# The worker needs no folder but those of inputs and outputs, and /tmp where a task wants one. HOME is where longhaul looks for configuration.
ENV PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp LONGHAUL_HEALTH=127.0.0.1:9465
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/local/bin/longhaul-worker", "health"]
CMD ["/usr/local/bin/longhaul-worker"]
