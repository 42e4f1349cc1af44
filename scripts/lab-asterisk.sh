#!/usr/bin/env bash
# Makes a real Asterisk of one version in its own folder: lab-asterisk.sh 22|16
# The folder is DOZVON_LAB_DIR/ast22 or .../ast16 (default: .lab in the checkout).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

major=${1:?"usage: lab-asterisk.sh 22|16"}
case $major in
    22) suite=sid include=asterisk ;;
    16) suite=bullseye include=asterisk,asterisk-voicemail ;; # voicemail is its own package there
    *) fail "No recipe for Asterisk $major: 22 and 16 are known." ;;
esac

lab=${DOZVON_LAB_DIR:-.lab}
mkdir -p "$lab"
lab=$(cd "$lab" && pwd)
root=$lab/ast$major
stamp=$lab/ast$major.ready
recipe="$suite $include"

stamp_is "$stamp" "$recipe" && [ -x "$root/usr/sbin/asterisk" ] && exit 0

can_be_root || fail \
    "Asterisk $major for the tests is unpacked by debootstrap, which needs root." \
    "You are not root and there is no sudo. Ask an administrator to run once: make test-setup"

# Two set-ups at once (a person's and CI's) must not unpack into one folder.
exec 9>"$lab/ast$major.lock"
flock 9
stamp_is "$stamp" "$recipe" && [ -x "$root/usr/sbin/asterisk" ] && exit 0

mirror=$(debian_mirror "Asterisk $major for the tests")

# What an interrupted run left behind is worth nothing: start afresh.
if [ -e "$root" ]; then
    step "Asterisk $major: removing an unfinished folder"
    as_root rm -rf --one-file-system "$root"
fi
rm -f "$stamp"

step "Asterisk $major: unpacking Debian $suite (about a minute, 0.5 GB)"
began=$(date +%s)
log=$lab/ast$major.log
as_root debootstrap --variant=minbase --include="$include" "$suite" "$root" "$mirror" >"$log" 2>&1 </dev/null &
unpacking=$!
# A sign of life every ten seconds: debootstrap's own words are in the log.
for ((ticks = 1; ; ticks++)); do
    sleep 1
    kill -0 "$unpacking" 2>/dev/null || break
    ((ticks % 10)) || printf '    Asterisk %s: %s s, %s\n' "$major" "$ticks" "$(tail -n 1 "$log" | cut -c 1-70)"
done
if ! wait "$unpacking"; then
    tail -n 15 "$log" >&2
    fail "Asterisk $major: debootstrap failed; the whole log is $log"
fi

for node in null urandom; do
    [ -c "$root/dev/$node" ] || fail \
        "Asterisk $major: debootstrap could not make $root/dev/$node (is the folder on a nodev file system?)." \
        "Set DOZVON_LAB_DIR to a folder where device nodes are allowed."
done
version=$(as_root chroot "$root" asterisk -V)
case $version in
    "Asterisk $major."*) ;;
    *) fail "Debian $suite now has '$version', not Asterisk $major." ;;
esac
# Instances live under /srv of the chroot and belong to whoever runs the tests; the packages' cache is done with.
as_root rm -rf "$root/var/cache/apt/archives" "$root/var/lib/apt/lists"
as_root mkdir -p "$root/var/cache/apt/archives" "$root/var/lib/apt/lists"
as_root chown "$(id -u):$(id -g)" "$root/srv"
printf '%s' "$recipe" >"$stamp"
step "Asterisk $major: ready after $(($(date +%s) - began)) s ($version)"
