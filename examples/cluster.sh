#!/usr/bin/env bash
# The topology of docker-compose.yml as plain processes: Postgres, Redis, two servers of the API and two workers behind
# HAProxy, on free ports of this machine, in a folder of their own that goes with them.
#
#   examples/cluster.sh start      starts everything and prints the addresses and a key
#   examples/cluster.sh status     who runs, who is ready, and what is being worked on
#   examples/cluster.sh restart    a rolling restart: one node after the other, while the others go on
#   examples/cluster.sh stop       ends everything and removes the folder
#
# SITEWRIGHT_<SECTION>__<KEY> in the environment reaches every node. BINARY is the program (default: the newest build),
# CLUSTER the folder.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
folder=${CLUSTER:-${TMPDIR:-/tmp}/sitewright-cluster}
nodes=(api-1 api-2 worker-1 worker-2)

die() { echo "$*" >&2; exit 1; }

# ---- processes: each has NAME.pid and NAME.log in the folder

# spawn NAME COMMAND...: runs it in the background, apart from this shell.
spawn() {
    local name=$1
    shift
    (cd "$folder" && exec nohup "$@") >> "$folder/$name.log" 2>&1 < /dev/null &
    echo "$! $(started $!)" > "$folder/$name.pid"
}

# When a process was started: with its id, that names it for good.
started() { ps -o lstart= -p "$1" 2>/dev/null | tr -s ' '; }

# The id of a process of ours, if it still runs.
running() {
    local pid when
    [ -f "$folder/$1.pid" ] || return 1
    read -r pid when < "$folder/$1.pid"
    [ "$(started "$pid" | sed 's/^ //')" = "$when" ] && [[ "$(ps -o stat= -p "$pid")" != Z* ]] && echo "$pid"
}

# end NAME SIGNAL: asks it to end, and waits for that; what takes longer than compose would wait is killed.
end() {
    local pid waited=0
    if ! pid=$(running "$1"); then return 0; fi
    kill -s "$2" "$pid"
    while running "$1" > /dev/null; do
        sleep 0.1
        waited=$((waited + 1))
        if [ $waited = 300 ]; then
            echo "$1 does not end within 30 s and is killed" >&2
            kill -s KILL "$pid"
        fi
    done
    rm -f "$folder/$1.pid"
}

# until_true NAME COMMAND...: waits for the command to succeed, as long as the process lives.
until_true() {
    local name=$1
    shift
    for _ in $(seq 600); do
        if "$@" > /dev/null 2>&1; then return 0; fi
        running "$name" > /dev/null || break
        sleep 0.1
    done
    tail -n 5 "$folder/$name.log" >&2
    die "$name does not start; its log is above"
}

# Ports below those that connections of this machine get.
free_port() {
    local port
    while true; do
        port=$((20000 + RANDOM % 10000))
        if ! (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && ! grep -qs ":$port" "$folder/cluster.env"; then break; fi
    done
    echo "127.0.0.1:$port"
}

secret() { od -An -N 16 -t x1 /dev/urandom | tr -d ' \n'; }

# ---- what runs

# The folder of Postgres's programs: on the PATH, or where Debian keeps them.
postgres_programs() {
    local found
    found=$(command -v initdb || printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
    [ -x "$found" ] || die "There is no initdb: apt-get install postgresql"
    dirname "$(realpath "$found")"
}

# Postgres does not run as root.
as_postgres() {
    if [ "$(id -u)" != 0 ]; then
        "$@"
        return
    fi
    setpriv --reuid="$postgres_user" --regid="$postgres_user" --clear-groups "$@"
}

start_postgres() {
    local bin
    bin=$(postgres_programs)
    postgres_user=$(id -un postgres 2> /dev/null || echo nobody)
    mkdir "$folder/postgres"
    echo "$POSTGRES_PASSWORD" > "$folder/postgres.password"
    if [ "$(id -u)" = 0 ]; then chown "$postgres_user" "$folder/postgres" "$folder/postgres.password"; fi
    as_postgres "$bin/initdb" --username=sitewright --pwfile="$folder/postgres.password" --auth=scram-sha-256 \
        --encoding=UTF8 --locale=C -D "$folder/postgres" > "$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log"; exit 1; }
    rm "$folder/postgres.password"
    # The shell that becomes Postgres changes its user last, so that the id is Postgres's own.
    local command=("$bin/postgres" -D "$folder/postgres" -p "${POSTGRES#*:}" -c listen_addresses=127.0.0.1
        -c unix_socket_directories= -c max_connections=200)
    if [ "$(id -u)" = 0 ]; then
        command=(setpriv --reuid="$postgres_user" --regid="$postgres_user" --clear-groups "${command[@]}")
    fi
    spawn postgres "${command[@]}"
    until_true postgres env PGPASSWORD="$POSTGRES_PASSWORD" "$bin/createdb" -h 127.0.0.1 -p "${POSTGRES#*:}" \
        -U sitewright sitewright
}

start_redis() {
    command -v redis-server > /dev/null || die "There is no redis-server: apt-get install redis-server"
    # A file, so that the password is not in the list of processes.
    printf '%s\n' "bind 127.0.0.1" "port ${REDIS#*:}" "requirepass $REDIS_PASSWORD" 'save ""' "appendonly no" \
        "maxmemory 256mb" "maxmemory-policy volatile-lru" > "$folder/redis.conf"
    spawn redis redis-server "$folder/redis.conf"
    until_true redis grep -q "Ready to accept connections" "$folder/redis.log"
}

# The variables of a node, as docker-compose.yml gives them.
environment() {
    echo "DATABASE_URL=postgres://sitewright:$POSTGRES_PASSWORD@$POSTGRES/sitewright?sslmode=disable"
    echo "REDIS_URL=redis://:$REDIS_PASSWORD@$REDIS"
    case $1 in
        api-1) echo "SITEWRIGHT_SERVER__LISTEN=$API_1" ;;
        api-2) echo "SITEWRIGHT_SERVER__LISTEN=$API_2" ;;
        worker-1) echo "SITEWRIGHT_SERVER__LISTEN=$WORKER_1" ;;
        worker-2) echo "SITEWRIGHT_SERVER__LISTEN=$WORKER_2" ;;
    esac
    case $1 in api-*) echo "SITEWRIGHT_AUTH__MODE=keys"; echo "SITEWRIGHT_SERVER__TRUSTED_PROXIES=127.0.0.1" ;; esac
}

# of_node NAME COMMAND...: runs the program as this node would.
of_node() {
    local name=$1 variables
    shift
    mapfile -t variables < <(environment "$name")
    (cd "$folder" && env "${variables[@]}" "$BINARY" "$@")
}

start_node() {
    local variables
    mapfile -t variables < <(environment "$1")
    spawn "$1" env "${variables[@]}" "$BINARY" serve --role "${1%-*}"
}

# A container's health check asks in the same way.
until_ready() { until_true "$1" of_node "$1" ready; }

start_proxy() {
    if ! command -v haproxy > /dev/null; then
        echo "There is no haproxy (apt-get install haproxy): use the addresses of the two API servers instead."
        sed -i.old '/^PROXY=/d' "$folder/cluster.env"
        return
    fi
    spawn proxy env LISTEN="$PROXY" API_1="$API_1" API_2="$API_2" haproxy -db -f "$root/examples/haproxy.cfg"
    until_true proxy bash -c ": < /dev/tcp/${PROXY/:/\/}"
}

# ---- commands

newest_build() {
    local release=$root/target/release/sitewright debug=$root/target/debug/sitewright
    if [ "$release" -nt "$debug" ]; then echo "$release"; else echo "$debug"; fi
}

start() {
    if [ -e "$folder" ]; then die "$folder is there already: examples/cluster.sh stop"; fi
    BINARY=${BINARY:-$(newest_build)}
    [ -x "$BINARY" ] || die "There is no program: cargo build, or name it in BINARY."
    mkdir -m 711 "$folder"
    # Whatever fails from here on leaves nothing behind.
    trap 'stop > /dev/null' EXIT
    (
        umask 077
        echo "BINARY=$(realpath "$BINARY")" > "$folder/cluster.env"
        for name in POSTGRES REDIS API_1 API_2 WORKER_1 WORKER_2 PROXY; do
            echo "$name=$(free_port)" >> "$folder/cluster.env"
        done
        for name in POSTGRES_PASSWORD REDIS_PASSWORD; do echo "$name=$(secret)" >> "$folder/cluster.env"; done
    )
    . "$folder/cluster.env"
    start_postgres
    start_redis
    for node in "${nodes[@]}"; do start_node "$node"; done
    for node in "${nodes[@]}"; do until_ready "$node"; done
    start_proxy
    echo "KEY=$(of_node api-1 key create --name cluster 2> /dev/null)" >> "$folder/cluster.env"
    trap - EXIT
    addresses
}

addresses() {
    . "$folder/cluster.env"
    echo
    echo "GraphQL    http://${PROXY:-$API_1}/graphql      (GraphiQL at /graphiql)"
    echo "with       Authorization: Bearer $KEY"
    echo
    echo "behind it  api-1 $API_1, api-2 $API_2, worker-1 $WORKER_1, worker-2 $WORKER_2"
    echo "           Postgres $POSTGRES, Redis $REDIS"
    echo "logs       $folder/*.log; everything else that scripts need is in $folder/cluster.env"
}

status() {
    local name state
    for name in postgres redis "${nodes[@]}" proxy; do
        state="does not run"
        if pid=$(running "$name"); then
            state="runs as $pid"
            case $name in
                *-*) state="$state, $(of_node "$name" ready > /dev/null 2>&1 && echo ready || echo "not ready")" ;;
            esac
        fi
        printf '%-10s %s\n' "$name" "$state"
    done
    echo
    of_node worker-1 tasks 2> /dev/null || true
}

restart() {
    for node in "${nodes[@]}"; do
        end "$node" TERM
        start_node "$node"
        until_ready "$node"
        # The proxy looks at a server that was away four times a second.
        sleep 0.6
        echo "$node was restarted"
    done
}

stop() {
    for name in proxy "${nodes[@]}" redis; do end "$name" TERM; done
    end postgres INT
    rm -rf "$folder"
    echo "stopped; $folder is gone"
}

case ${1:-} in
    start) start ;;
    status | restart | stop)
        [ -f "$folder/cluster.env" ] || die "There is no cluster in $folder: examples/cluster.sh start"
        . "$folder/cluster.env"
        "$1"
        ;;
    *) sed -n 's/^# \{0,1\}//p' "$0" | sed -n '2,11p'; exit 2 ;;
esac
