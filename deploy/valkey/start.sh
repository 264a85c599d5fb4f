#!/bin/sh
# Starts a Valkey or a Sentinel with a configuration of its own that outlives it: Sentinels write into it who is the
# master now. Without that, machines that come back after a power failure would begin with yesterday's master, whose
# replica would then throw away everything accepted since.
#
#   start.sh server NAME [PRIMARY [PORT]]   NAME is this server's in the network; with PRIMARY it begins as its replica
#   start.sh sentinel NAME PRIMARY [PORT]   PRIMARY is whom it watches at first
#
#   VALKEY_CONFIGURATION   by default /etc/valkey/valkey.conf, or sentinel.conf
#   VALKEY_FOLDER          where data and its own configuration are kept, by default /data
#   VALKEY_PORT            where this server listens, by default 6379
#   VALKEY_REWRITE_SECONDS how often its append-only file is written anew, by default 3600
#   VALKEY_FIRST_REWRITE_SECONDS  and how soon after a start, by default 60
#   VALKEYCLI_AUTH         its password, if the configuration has one
set -eu
# A crash leaves no memory on the disk: what was acknowledged may still be in it.
ulimit -c 0
kind="$1" name="$2" primary="${3:-}" port="${4:-6379}"
folder="${VALKEY_FOLDER:-/data}"
umask 077
case "$kind" in
    server) file="valkey.conf" program="valkey-server" ;;
    sentinel) file="sentinel.conf" program="valkey-sentinel" ;;
    *) echo "start.sh server|sentinel NAME [PRIMARY [PORT]]" >&2; exit 2 ;;
esac

of_server() {
    printf 'dir %s\nreplica-announce-ip %s\n' "$folder" "$name"
    if [ -n "$primary" ]; then printf 'replicaof %s %s\n' "$primary" "$port"; fi
}

of_sentinel() {
    # Names instead of addresses: a container that comes back has another address. Two of three must agree.
    printf 'dir %s\nsentinel resolve-hostnames yes\nsentinel announce-hostnames yes\n' "$folder"
    printf 'sentinel announce-ip %s\n' "$name"
    printf 'sentinel monitor teduh %s %s 2\n' "${primary:?whom does it watch?}" "$port"
}

own="$folder/$file"
if ! [ -e "$own" ]; then
    {
        "of_$kind"
        cat "${VALKEY_CONFIGURATION:-/etc/valkey/$file}"
    } > "$own.new"
    # At once or not at all: half a configuration would be a server that keeps nothing.
    mv "$own.new" "$own"
fi

# What was acknowledged stays in the append-only file until that is written anew. Where much is said its size asks for that;
# where little is, ciphertext would lie on the disk for days. `$$` is the server's number, too, once it runs; when it has
# ended, so does this, at its next turn.
keep_file_short() {
    # Soon after a start, or one that starts more often than every hour would never do it.
    pause="${VALKEY_FIRST_REWRITE_SECONDS:-60}"
    while sleep "$pause" && kill -0 $$; do
        valkey-cli -p "${VALKEY_PORT:-6379}" bgrewriteaof || true
        # A replica leaves lying what its master has sent it, each time that it has to begin anew; nothing ever reads it.
        rm -f "$folder/dump.rdb"
        pause="${VALKEY_REWRITE_SECONDS:-3600}"
    done
}

if [ "$kind" = server ]; then
    # One that was killed in the middle of it has left the half of a file, which it never looks at again.
    rm -f "$folder"/temp-*
    keep_file_short &
fi
exec "$program" "$own"
