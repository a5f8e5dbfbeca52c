#!/bin/sh
# One Kafka broker without Docker, for development and tests. Needs Java 17 or newer, and Maven for the first start.
#
#   kafka.sh start [--dir DIR] [--port N] [--controller-port N]   in the background; returns when it answers
#   kafka.sh run   [the same]                                     in the foreground
#   kafka.sh stop  [--dir DIR]
#   kafka.sh status [--dir DIR]
#
# Jars, data, log and pid file go under DIR (default: .kafka in the project). KAFKA_LIBS names a folder of jars to
# share between several DIRs, KAFKA_HEAP the heap (default 512m). Topics and data survive a stop; delete DIR to forget.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
dir=$here/../../.kafka
port=9092
controller_port=
seconds_to_answer=60

fail() {
    echo "kafka.sh: $1" >&2
    exit "${2:-1}"
}

usage() {
    sed -n '2,10s/^# \{0,1\}//p' "$0"
}

action=${1:-}
case $action in
    start | run | stop | status) shift ;;
    '') usage && exit ;;
    *) usage >&2 && exit 2 ;;
esac
while [ $# -gt 0 ]; do
    case $1 in
        --dir | --port | --controller-port)
            [ $# -ge 2 ] || fail "$1 needs a value" 2
            case $1 in
                --dir) dir=$2 ;;
                --port) port=$2 ;;
                --controller-port) controller_port=$2 ;;
            esac
            shift 2
            ;;
        *) fail "unknown option $1; see kafka.sh without arguments" 2 ;;
    esac
done
case $port$controller_port in
    *[!0-9]*) fail "a port is a number" 2 ;;
esac
: "${controller_port:=$((port + 1))}"
mkdir -p "$dir"
dir=$(CDPATH='' cd -- "$dir" && pwd)
libs=${KAFKA_LIBS:-$dir/libs}
pid_file=$dir/broker.pid
log=$dir/broker.log

running() {
    [ -s "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null || return 1
    command -v ps >/dev/null || return 0
    ps -ww -p "$(cat "$pid_file")" -o args= | grep -q 'kafka\.Kafka' # the number may be another process's by now
}

port_in_use() { # a running broker's own properties say where it listens
    sed -n 's/^listeners=PLAINTEXT:\/\/\([^,]*\),.*/\1/p' "$dir/server.properties"
}

require_java() {
    command -v java >/dev/null || fail "java is missing: install a Java runtime, version 17 or newer"
    version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
    [ "${version:-0}" -ge 17 ] || fail "Kafka 4 needs Java 17 or newer, this is Java ${version:-of an unknown version}"
}

fetch_jars() {
    [ -f "$libs/.complete" ] && cmp -s "$here/pom.xml" "$libs/.complete" && return
    command -v mvn >/dev/null || fail "mvn is missing: install Maven, it fetches the broker's jars once"
    echo "fetching the broker's jars into $libs" >&2
    rm -rf "$libs"
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$libs" >"$dir/maven.log" 2>&1 ||
        fail "Maven could not fetch the jars; the reason is in $dir/maven.log"
    cp "$here/pom.xml" "$libs/.complete"
}

tool() {
    java -cp "$libs/*" -Dlog4j2.configurationFile="$here/log4j2.yaml" "$@"
}

prepare() {
    require_java
    fetch_jars
    sed -e "s|@PORT@|$port|g" -e "s|@CONTROLLER_PORT@|$controller_port|g" -e "s|@DATA@|$dir/data|g" \
        "$here/server.properties" >"$dir/server.properties"
    if [ ! -f "$dir/data/meta.properties" ]; then
        id=$(tool kafka.tools.StorageTool random-uuid)
        tool kafka.tools.StorageTool format --standalone -t "$id" -c "$dir/server.properties" >"$log" 2>&1 ||
            fail "the data folder could not be prepared; the reason is in $log"
    fi
}

start() {
    if running; then
        echo "already running at $(port_in_use), pid $(cat "$pid_file")"
        return
    fi
    prepare
    nohup java "-Xmx${KAFKA_HEAP:-512m}" -cp "$libs/*" -Dlog4j2.configurationFile="$here/log4j2.yaml" \
        kafka.Kafka "$dir/server.properties" >>"$log" 2>&1 </dev/null &
    echo $! >"$pid_file"
    left=$seconds_to_answer
    until tool org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:$port" --list \
        >/dev/null 2>&1; do
        running || fail "the broker ended at once; the reason is in $log"
        left=$((left - 1))
        [ "$left" -gt 0 ] || fail "the broker did not answer; see $log, and stop it with: $0 stop --dir $dir"
        sleep 1
    done
    running || fail "another broker answers on port $port: stop it, or give --port"
    echo "running at 127.0.0.1:$port, pid $(cat "$pid_file"), log $log"
}

stop() {
    if ! running; then
        rm -f "$pid_file"
        echo "not running"
        return
    fi
    pid=$(cat "$pid_file")
    kill "$pid"
    left=30
    while kill -0 "$pid" 2>/dev/null; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { kill -9 "$pid" && break; }
        sleep 1
    done
    rm -f "$pid_file"
    echo "stopped"
}

case $action in
    start) start ;;
    stop) stop ;;
    status) if running; then echo "running at $(port_in_use), pid $(cat "$pid_file")"; else echo "not running"; exit 1; fi ;;
    run)
        running && fail "already running at $(port_in_use), pid $(cat "$pid_file")"
        prepare
        echo $$ >"$pid_file"
        exec java "-Xmx${KAFKA_HEAP:-512m}" -cp "$libs/*" -Dlog4j2.configurationFile="$here/log4j2.yaml" \
            kafka.Kafka "$dir/server.properties"
        ;;
esac
