#!/bin/sh
# Makes the certificates of the TLS tests: valid for a hundred years, for nothing but those tests. They are kept, and this is
# how they were made; the keys are published with them and protect nothing.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/openssl.cnf" <<END
[ ca ]
default_ca = tests
[ tests ]
database = $work/index
serial = $work/serial
new_certs_dir = $work
default_md = sha256
default_startdate = 20200101000000Z
default_enddate = 21200101000000Z
policy = any
[ any ]
commonName = supplied
[ authority ]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[ server ]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
[ client ]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = clientAuth
[ req ]
distinguished_name = empty
[ empty ]
END
: > "$work/index"
echo 01 > "$work/serial"

# NAME SUBJECT KIND AUTHORITY: a key, and a certificate of it that the authority has signed, itself perhaps.
certificate() {
    openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1.key"
    openssl req -config "$work/openssl.cnf" -new -key "$1.key" -subj "/CN=$2" -out "$work/request"
    if [ "$1" = "$4" ]; then by=-selfsign; else by="-cert $4.crt"; fi
    # shellcheck disable=SC2086
    openssl ca -config "$work/openssl.cnf" -batch -notext $by -keyfile "$4.key" -extensions "$3" -in "$work/request" -out "$1.crt"
}

certificate authority "Gatepost test authority" authority authority
certificate stranger "Gatepost test stranger" authority stranger
certificate server "Gatepost test server" server authority
certificate renewed "Gatepost test server, renewed" server authority
certificate client "Gatepost test client" client authority
certificate intruder "Gatepost test intruder" client stranger
rm -f authority.key stranger.key stranger.crt
