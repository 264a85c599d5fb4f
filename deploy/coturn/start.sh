#!/bin/sh
# Starts coturn with turnserver.conf and what differs from place to place. The secret goes from its file into a file that
# only this user can read, in a folder in memory: never into the arguments of a process, which everybody can list.
#
#   TURN_ADDRESS        the public address of this server; relayed addresses are at it, and it is the only allowed peer
#   TURN_PRIVATE_ADDRESS  behind 1:1 NAT (most clouds): the machine's own address, which TURN_ADDRESS is translated to
#   TURN_REALM          its name, such as turn.example
#   TURN_SECRET_FILE    the secret that it shares with the relay (calls.turn_secret_file)
#   TURN_CERTIFICATE, TURN_KEY   PEM files, for turns:; without them there is no TLS
#   TURN_OTHER_SERVERS  public addresses of further TURN servers of yours, separated by spaces
#   TURN_CONFIGURATION  turnserver.conf, by default beside this file
#   TURN_RUNTIME_FOLDER a folder in memory, by default /run/coturn
set -eu
# A crash leaves no memory on the disk: the network addresses of everybody who calls are in it.
ulimit -c 0
: "${TURN_ADDRESS:?is not set: the public address of this server}"
: "${TURN_REALM:?is not set: the name of this server, such as turn.example}"
: "${TURN_SECRET_FILE:?is not set: the file with the secret that it shares with the relay}"
if ! [ -s "$TURN_SECRET_FILE" ]; then echo "TURN_SECRET_FILE is empty, or is not there" >&2; exit 1; fi
folder="${TURN_RUNTIME_FOLDER:-/run/coturn}"
own="${TURN_PRIVATE_ADDRESS:-$TURN_ADDRESS}"

umask 077
{
    cat "${TURN_CONFIGURATION:-$(dirname "$0")/turnserver.conf}"
    printf 'listening-ip=%s\nrelay-ip=%s\n' "$own" "$own"
    if [ "$own" != "$TURN_ADDRESS" ]; then printf 'external-ip=%s/%s\n' "$TURN_ADDRESS" "$own"; fi
    for address in $TURN_ADDRESS ${TURN_OTHER_SERVERS:-}; do printf 'allowed-peer-ip=%s\n' "$address"; done
    printf 'realm=%s\n' "$TURN_REALM"
    printf 'static-auth-secret=%s\n' "$(cat "$TURN_SECRET_FILE")"
    if [ -n "${TURN_CERTIFICATE:-}" ]; then
        printf 'cert=%s\npkey=%s\n' "$TURN_CERTIFICATE" "${TURN_KEY:?is not set: the key of TURN_CERTIFICATE}"
    else
        printf 'no-tls\n'
    fi
    printf 'pidfile=%s/turnserver.pid\nuserdb=%s/turndb\n' "$folder" "$folder"
} > "$folder/turnserver.conf"
exec turnserver -c "$folder/turnserver.conf" "$@"
