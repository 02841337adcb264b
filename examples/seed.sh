#!/usr/bin/env bash
# The two seed programs, made durable: 1 to 5 doubled in order, a second each; and ten GET requests, one by one and then all at once.
#
#     make build && examples/seed.sh
#
# Flags are handed to `longhaul run`, as in: examples/seed.sh --address temporal.example.com:7233
set -euo pipefail
cd "$(dirname "$0")/.."
longhaul=${LONGHAUL:-bin/longhaul} slowapi=${SLOWAPI:-bin/slowapi} dir=${SEED_DIR:-tmp/seed}
mkdir -p "$dir"
if [ -z "$*" ]; then set -- --state-dir "$dir/state"; fi

echo "== 1. The numbers 1 to 5, each doubled by a task of one second, all at once and in order"
seq 1 5 > "$dir/numbers.txt"
"$longhaul" run "$dir/numbers.txt" --output "$dir/doubled.txt" --overwrite --task double --task-arg delay=1s "$@"
echo "-- doubled: $(paste -sd ' ' "$dir/doubled.txt")"

: > "$dir/url"; : > "$dir/api.log"
"$slowapi" --listen 127.0.0.1:0 --latency 100ms --spread 300ms --tell > "$dir/url" 2>> "$dir/api.log" &
api=$!
trap 'kill "$api" 2> /dev/null || true' EXIT
until [ -s "$dir/url" ]; do kill -0 "$api"; sleep 0.05; done
seq 1 10 > "$dir/ids.txt"

# ten NAME CAP: the ten requests, at most CAP of them at once. What the API saw goes into NAME.log, and how long it took from the first start to
# the last finish into NAME.seconds.
ten() {
    : > "$dir/api.log"
    "$longhaul" run "$dir/ids.txt" --output "$dir/$1.jsonl" --overwrite --concurrency "$2" --http "$(cat "$dir/url")/square/{{.}}" --progress none "${@:3}"
    cp "$dir/api.log" "$dir/$1.log"
    cat "$dir/$1.log"
    awk 'NR == 1 { first = $1 } { last = $1 } END { printf "%.3f\n", last - first }' "$dir/$1.log" > "$dir/$1.seconds"
    echo "-- $(cat "$dir/$1.seconds") s; the last line: $(tail -n 1 "$dir/$1.jsonl")"
}

echo
echo "== 2. Ten GET requests, one by one"
ten sequential 1 "$@"
echo
echo "== 3. The same ten at once"
ten concurrent 10 "$@"
cmp "$dir/sequential.jsonl" "$dir/concurrent.jsonl"
echo
awk '{ t[NR] = $1 } END { printf "ratio: %.2f, and the outputs are the same\n", t[1] / t[2] }' "$dir/sequential.seconds" "$dir/concurrent.seconds"
