#!/bin/bash
# What the official image promises and our tests rely on:
# - POSTGRES_USER, POSTGRES_PASSWORD (or POSTGRES_PASSWORD_FILE), POSTGRES_DB and POSTGRES_HOST_AUTH_METHOD make the
#   first cluster, after which *.sql and *.sh in /docker-entrypoint-initdb.d run once, in the order of their names;
# - a first argument that is an option, as `-c fsync=off`, is an option of postgres;
# - "database system is ready to accept connections" is written to stdout by the server that runs those files, and to
#   stderr by the one that stays: whoever waits for both knows that the second is up.
set -euo pipefail

case "${1-}" in
'' | -*) set -- postgres "$@" ;;
postgres) ;;
*) exec "$@" ;;
esac

if [ "$(id -u)" -eq 0 ]; then
    # A volume that was mounted belongs to root.
    mkdir -p "$PGDATA"
    chown postgres:postgres "$PGDATA" /run/postgresql
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ ! -e "$PGDATA/PG_VERSION" ]; then
    user=${POSTGRES_USER:-postgres}
    database=${POSTGRES_DB:-$user}
    auth=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    password=${POSTGRES_PASSWORD:-}
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then password=$(<"$POSTGRES_PASSWORD_FILE"); fi
    if [ -z "$password" ] && [ "$auth" != trust ]; then
        echo 'give POSTGRES_PASSWORD, POSTGRES_PASSWORD_FILE or POSTGRES_HOST_AUTH_METHOD=trust' >&2
        exit 1
    fi
    pwfile=()
    if [ -n "$password" ]; then
        (umask 077 && printf '%s\n' "$password" >/tmp/first-password)
        pwfile=(--pwfile=/tmp/first-password)
    fi
    initdb --username="$user" --encoding=UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host="$auth" --no-sync \
        "${pwfile[@]}"
    rm -f /tmp/first-password
    printf 'host all all all %s\n' "$auth" >>"$PGDATA/pg_hba.conf"

    # Reached by its socket only, so that nobody outside takes it for the real one.
    pg_ctl start --wait --options="-c listen_addresses='' -c fsync=off"
    as_user=(psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --username="$user")
    if [ "$database" != postgres ]; then
        "${as_user[@]}" --dbname=postgres --set=name="$database" <<<'CREATE DATABASE :"name"'
    fi
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
        *.sql) "${as_user[@]}" --dbname="$database" --file="$file" ;;
        *.sh) bash "$file" ;;
        esac
    done
    pg_ctl stop --wait --mode=fast
fi

exec "$@" -c listen_addresses='*'
