# What try-dist.sh does within a clean root. Read by sh after `set -eu`, before the steps of a trial; $python is set there.

is() {
    [ "$1" = "$2" ] || { printf 'is:\n%s\nexpected:\n%s\n' "$1" "$2" >&2; exit 1; }
}

# Not `! command`, whose failure sh does not notice.
fails() {
    if "$@" >/tmp/fails.log 2>&1; then
        printf 'this should have failed: %s\n' "$*" >&2
        exit 1
    fi
}

gone() {
    for each in "$@"; do
        [ ! -e "$each" ] || { printf 'still there: %s\n' "$each" >&2; exit 1; }
    done
}

quietly() {
    "$@" >/tmp/quietly.log 2>&1 || { cat /tmp/quietly.log >&2; exit 1; }
}

packages() {
    quietly apt-get update
    quietly apt-get install -y --no-install-recommends "$@"
}

# The commands that need no configuration, in an empty folder.
try_commands() {
    dozvon --version
    dozvon --help >/dev/null
    dozvon init -o first.toml >/dev/null
    dozvon widget build amocrm -o widget.zip --backend https://calls.example.com
    "$python" -c 'import zipfile; names = zipfile.ZipFile("widget.zip").namelist(); assert "script.js" in names, names'
    printf '[server]\ndata_dir = "/tmp/doctor"\n' >doctor.toml
    chmod 600 doctor.toml
    dozvon doctor --config doctor.toml >doctor.txt || true # it finds that there is no account
    grep -q 'No account is configured' doctor.txt
    "$python" -c 'import asyncpg, aiohttp, argon2, soundfile, cryptography, redis'
}

# ask ADDRESS [WORDS]: what is there, as soon as somebody answers (with these words in it); waits a minute.
ask() {
    "$python" - "$@" <<'PY'
import sys, time, urllib.error, urllib.request
address, words = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
deadline = time.monotonic() + 60
while True:
    try:
        text = urllib.request.urlopen(address, timeout=20).read().decode("utf-8", "replace")
        if words in text:
            print(text)
            break
        problem = AssertionError(f"{address} does not say {words}: {text}")
    except urllib.error.HTTPError:
        raise
    except OSError as exc:
        problem = exc
    if time.monotonic() > deadline:
        raise problem
    time.sleep(0.2)
PY
}

healthy() {
    ask http://127.0.0.1:8080/health '"status": "ok"'
}

# stop PID: as systemd and docker do; the process has to end in order.
stop() {
    kill -TERM "$1"
    wait "$1"
}

# serve COMMAND...: it answers /health, lets the function $during do its work, and ends in order.
serve() {
    "$@" >/tmp/serve.log 2>&1 &
    service=$!
    healthy || { cat /tmp/serve.log >&2; exit 1; }
    ${during:-true} || { cat /tmp/serve.log >&2; exit 1; }
    stop "$service" || { cat /tmp/serve.log >&2; exit 1; }
}

# The unit's ExecStart under its user, umask and limit of files; the system read-only but for its folder and /tmp.
serve_unit() {
    unit=/usr/lib/systemd/system/dozvon.service
    said() { sed -n "s/^$1=//p" "$unit"; }
    cat >/tmp/unit.sh <<SH
mount --bind / /mnt
mount -o remount,bind,ro /mnt
mount --bind $(said ReadWritePaths) /mnt$(said ReadWritePaths)
mount -t tmpfs tmpfs /mnt/tmp
mount -t proc proc /mnt/proc
umask $(said UMask)
ulimit -n $(said LimitNOFILE) || echo "this machine does not allow so many files: tried with \$(ulimit -n)" >&2
export HOME=$(said ReadWritePaths)
exec setpriv --no-new-privs chroot --userspec=$(said User):$(said User) /mnt $(said ExecStart)
SH
    serve unshare --mount sh -eu /tmp/unit.sh
}

# The files of the packages are those of the checkout (/root/sources has their sums).
same_files() {
    cd "$("$python" -c 'import integration, pathlib; print(pathlib.Path(integration.__file__).parents[1])')"
    sha256sum --quiet --check /root/sources
    cd /tmp
}

# become_owner [LOG]: by the printed address; the wizard's screens answer, with every file that they name. Leaves an office.
become_owner() {
    "$python" /root/wizard.py begin "${1:-/tmp/serve.log}"
}

# The owner that become_owner made signs in, and the office is there.
still_owner() {
    "$python" /root/wizard.py again
}

# try_demo COMMAND...: the demonstration's three pages, and what the CRM's page offers to the widget.
try_demo() {
    "$@" >/tmp/demo.log 2>&1 &
    demo=$!
    healthy >/dev/null || { cat /tmp/demo.log >&2; exit 1; }
    ask http://127.0.0.1:8080/admin >/dev/null
    ask http://127.0.0.1:8082/leads/ /vendor/require.js >/dev/null
    ask http://127.0.0.1:8082/vendor/jquery.js >/dev/null
    ask http://127.0.0.1:8082/vendor/require.js >/dev/null
    # Of `make`, its child: make does not hand a signal on.
    children=$(cat "/proc/$demo/task/$demo/children" 2>/dev/null || true)
    kill -TERM ${children:-$demo}
    wait "$demo" || [ -n "$children" ]
    cat /tmp/demo.log
}
