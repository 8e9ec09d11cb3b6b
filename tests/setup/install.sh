#!/usr/bin/env bash
# Makes sure that everything the tests use is there: a C compiler, PostgreSQL's programs, redis-server, haproxy, openssl,
# Node.js 20 with npm and cargo-nextest. As root on Debian it installs what is missing; otherwise it names all of it at once and stops.
# It starts no service: the tests start and stop their own processes.
set -euo pipefail

missing=()
updated=no

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# need WHAT HOW-TO-INSTALL: remembers something that is missing.
need() { missing+=("  $1"$'\n'"      $2"); }

# What apt says is shown only when it fails.
apt() {
    local log
    log=$(mktemp)
    if ! DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" </dev/null >"$log" 2>&1; then
        cat "$log"
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

apt_install() {
    echo "Installing $*"
    if [ $updated = no ]; then
        apt update
        updated=yes
    fi
    apt install -y --no-install-recommends "$@"
}

has_postgres() {
    if command -v initdb >/dev/null && command -v postgres >/dev/null; then return 0; fi
    local bin
    for bin in /usr/lib/postgresql/*/bin; do
        if [ -x "$bin/initdb" ] && [ -x "$bin/postgres" ]; then return 0; fi
    done
    return 1
}

# Debian's package makes and starts a cluster of the machine by itself; the tests do not want one.
install_postgres() {
    local quiet=/etc/postgresql-common/createcluster.d/sitewright-tests.conf
    apt_install postgresql-common
    mkdir -p "${quiet%/*}"
    echo "create_main_cluster = false" > "$quiet"
    apt_install postgresql
    rm -f "$quiet"
}

has_node() {
    command -v npm >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 20 ]
}

if ! command -v cargo >/dev/null; then
    need "Rust 1.95 or newer" "see rustup.rs, or your system's packages"
fi

if ! command -v cc >/dev/null; then
    if can_install; then apt_install gcc libc6-dev || true; fi
    command -v cc >/dev/null || need "a C compiler (SQLite is compiled in)" "apt-get install gcc libc6-dev"
fi

if ! has_postgres; then
    if can_install; then install_postgres || true; fi
    has_postgres || need "PostgreSQL's initdb and postgres, 13 or newer" "apt-get install postgresql"
fi

if ! command -v redis-server >/dev/null; then
    # Its package starts a service by itself; the tests want only the program.
    if can_install; then apt_install redis-server && { systemctl disable --now redis-server || true; } >/dev/null 2>&1; fi
    command -v redis-server >/dev/null || need "Redis 7 or newer (redis-server)" "apt-get install redis-server"
fi

if ! command -v haproxy >/dev/null; then
    if can_install; then apt_install haproxy && { systemctl disable --now haproxy || true; } >/dev/null 2>&1; fi
    command -v haproxy >/dev/null || need "HAProxy 2.6 or newer (haproxy)" "apt-get install haproxy"
fi

if ! command -v openssl >/dev/null; then
    if can_install; then apt_install openssl || true; fi
    command -v openssl >/dev/null || need "openssl, which makes the certificates of a test" "apt-get install openssl"
fi

if ! has_node; then
    if can_install && ! command -v node >/dev/null; then apt_install nodejs npm || true; fi
    has_node || need "Node.js 20 or newer with npm (found: $(node --version 2>/dev/null || echo none))" \
        "apt-get install nodejs npm, where Debian's is new enough, or nodejs.org"
fi

if command -v cargo >/dev/null; then
    if ! cargo nextest --version >/dev/null 2>&1; then
        echo "Installing cargo-nextest (compiled once, some minutes)"
        cargo install --quiet --locked cargo-nextest </dev/null || need "cargo-nextest" "cargo install --locked cargo-nextest"
    fi
    cargo fmt --version >/dev/null 2>&1 || need "rustfmt" "rustup component add rustfmt"
    cargo clippy --version >/dev/null 2>&1 || need "clippy" "rustup component add clippy"
fi

if [ ${#missing[@]} -gt 0 ]; then
    echo "The tests need what is missing here:"
    printf '%s\n' "${missing[@]}"
    if [ "$(id -u)" != 0 ]; then echo "As root on Debian, \`make test\` installs these by itself."; fi
    exit 1
fi
echo "all there"
