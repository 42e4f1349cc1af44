#!/usr/bin/env bash
# Gets what `make test` needs beyond .venv: Chromium, Redis, PostgreSQL, MariaDB, nginx, Caddy, and Asterisk 22 and 16 in own folders.
# Run it again at any time: it installs only what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

have_postgres() {
    command -v initdb >/dev/null 2>&1 && return
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

missing=()
[ -x /usr/bin/chromium ] || missing+=(chromium fonts-liberation)
command -v redis-server >/dev/null 2>&1 || missing+=(redis-server)
have_postgres || missing+=(postgresql)
{ [ -x /usr/sbin/nginx ] && compgen -G "/usr/lib/nginx/modules/ngx_stream_module.so"; } >/dev/null 2>&1 || missing+=(nginx libnginx-mod-stream)
[ -x /usr/bin/caddy ] || missing+=(caddy)
# The two halves without the service: tests start their own server.
{ command -v mariadbd && command -v my_print_defaults; } >/dev/null 2>&1 || missing+=(mariadb-server-core mariadb-client-core)
command -v espeak-ng >/dev/null 2>&1 || missing+=(espeak-ng) # speaks the samples of `dozvon bench amd`
command -v openssl >/dev/null 2>&1 || missing+=(openssl)
[ -x /usr/bin/python3 ] || missing+=(python3) # what the Debian package is built for
[ -x /usr/sbin/debootstrap ] || missing+=(debootstrap)
[ ${#missing[@]} = 0 ] || apt_install "Tests" "${missing[@]}"

scripts/lab-asterisk.sh 22
scripts/lab-asterisk.sh 16
