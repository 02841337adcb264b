#!/usr/bin/env bash
# The main job, end to end, on this machine: `make run` calls it.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p tmp/run
examples/seed.sh --state-dir tmp/run/state

echo
echo "== 4. 2,000 requests to a small API that takes 200 ms for each, 100 at a time"
api_out=tmp/run/slowapi.url
: > "$api_out"
bin/slowapi --listen 127.0.0.1:0 --latency 200ms > "$api_out" &
api=$!
trap 'kill "$api" 2>/dev/null || true' EXIT
until [ -s "$api_out" ]; do kill -0 "$api"; sleep 0.05; done
seq 1 2000 > tmp/run/ids.txt
bin/longhaul run tmp/run/ids.txt --output tmp/run/squares.jsonl --overwrite \
    --http "$(cat "$api_out")/square/{{.}}" --concurrency 100 --state-dir tmp/run/state
echo "-- the last of them: $(tail -n 1 tmp/run/squares.jsonl)"
