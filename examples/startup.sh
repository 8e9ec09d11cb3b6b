#!/usr/bin/env bash
# How soon the server is ready on an empty SQLite database, and what it holds while idle.
# Ends with 1 when a run was slower than 500 ms or held more than 40 MB.
# usage: examples/startup.sh [BINARY]     (default: the release build)
set -euo pipefail

binary=${1:-target/release/sitewright}
[ -x "$binary" ] || { echo "There is no $binary: build it with cargo build --release." >&2; exit 1; }
binary=$(realpath "$binary")
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT

slow=0
for run in 1 2 3; do
    rm -rf "${folder:?}"/*
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    started=$(date +%s%N)
    (cd "$folder" && exec env SITEWRIGHT_SERVER__LISTEN="127.0.0.1:$port" "$binary" serve 2>"$folder/log") &
    server=$!
    until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/readyz"; do
        kill -0 "$server" || { cat "$folder/log" >&2; exit 1; }
    done
    ready=$(( ($(date +%s%N) - started) / 1000000 ))
    sleep 3 # idle is what remains once the start is over
    resident=$(awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$server/status")
    echo "run $run: ready after $ready ms, idle at $resident MB resident"
    [ "$ready" -le 500 ] && [ "$resident" -le 40 ] || slow=1
    kill "$server" && wait "$server" || true
done
[ "$slow" = 0 ] || { echo "At most 500 ms and 40 MB are promised." >&2; exit 1; }
