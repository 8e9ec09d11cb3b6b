#!/usr/bin/env bash
# How soon the server is ready on an empty SQLite database, and what it holds while idle.
# usage: examples/startup.sh [BINARY]     (default: the release build)
set -euo pipefail

binary=${1:-target/release/sitewright}
[ -x "$binary" ] || { echo "There is no $binary: build it with cargo build --release." >&2; exit 1; }
binary=$(realpath "$binary")
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT

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
    kill "$server" && wait "$server" || true
done
