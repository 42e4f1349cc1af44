#!/usr/bin/env bash
# Builds the image of the Dockerfile and runs it, without an engine's daemon and without a registry of images: buildah in a
# chroot, on base images made of Debian 12 that stand for python:3.11-slim-bookworm and node:20-bookworm-slim.
# Needs root, debootstrap, buildah and crun (apt-get install buildah crun), Node.js 20 and about 3 GB.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

[ "$(id -u)" = 0 ] || fail "Base images are made by debootstrap and chroot: run this as root."
for tool in buildah debootstrap unshare node npm; do
    command -v "$tool" >/dev/null || fail "This needs $tool: apt-get install buildah crun debootstrap util-linux; Node.js 20"
done
lab=${DOZVON_LAB_DIR:-.lab}
mkdir -p "$lab"
lab=$(cd "$lab" && pwd)
place=$(mktemp -d "$lab/image-XXXXXX")
port=${DOZVON_TRY_PORT:-18080}
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
store=(--root "$place/images" --runroot "$place/run")
running=

clean_up() {
    [ -z "$running" ] || kill $(dozvon_below "$running") "$running" 2>/dev/null || true
    rm -rf --one-file-system "$place"
}
trap clean_up EXIT

# dozvon_below PID: the process of the command, somewhere below buildah.
dozvon_below() {
    local child
    for child in $(pgrep -P "$1"); do
        if tr '\0' ' ' <"/proc/$child/cmdline" | grep -q '^/usr/bin/python3 /usr/local/bin/dozvon run'; then
            printf '%s' "$child"
        else
            dozvon_below "$child"
        fi
    done
}

# A Debian 12 root with this machine's way to the registries; try-dist.sh may have unpacked one already.
debian_root() {
    if stamp_is "$lab/bookworm.ready" minbase; then
        cp -a "$lab/bookworm" "$1"
    else
        debootstrap --variant=minbase --include=ca-certificates bookworm "$1" "$(debian_mirror "Base images")" >"$lab/image.log" 2>&1 \
            </dev/null || fail "debootstrap failed; the whole log is $lab/image.log"
    fi
    cp /etc/resolv.conf /etc/hosts "$1/etc/"
    cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
    grep -lsr '^Acquire' /etc/apt/apt.conf.d | xargs -r cp -t "$1/etc/apt/apt.conf.d"
}

# image NAME ROOT: commits it under the name that the Dockerfile asks for.
image() {
    local made
    made=$(buildah "${store[@]}" from scratch)
    buildah "${store[@]}" copy -q "$made" "$2" / >/dev/null
    buildah "${store[@]}" config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$made"
    buildah "${store[@]}" commit -q --rm "$made" "docker.io/library/$1" >/dev/null
}

step "Base images of Debian 12"
root=$place/root
debian_root "$root"
cp -a "$root" "$place/node"
cp "$(readlink -f "$(command -v node)")" "$place/node/usr/local/bin/node"
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
mkdir -p "$place/node/usr/local/lib/node_modules"
cp -a "$npm" "$place/node/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$place/node/usr/local/bin/npm"
printf 'registry=%s\ncafile=/etc/ssl/certs/ca-certificates.crt\n' "$(npm config get registry)" >"$place/node/root/.npmrc"
image node:20-bookworm-slim "$place/node"
unshare --mount --pid --fork sh -euc '
    mount -t proc proc "$1/proc"
    exec chroot "$1" env -i DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -euc "
        apt-get update && apt-get install -y --no-install-recommends python3 python3-pip && apt-get clean"' \
    sh "$root" >>"$lab/image.log" 2>&1 </dev/null || fail "Python could not be installed; the log is $lab/image.log"
ln -s /usr/bin/python3 "$root/usr/local/bin/python"
{
    printf '[global]\nbreak-system-packages = true\nroot-user-action = ignore\ncert = /etc/ssl/certs/ca-certificates.crt\n'
    index=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)
    [ -z "$index" ] || printf 'index-url = %s\n' "$index"
} >"$root/etc/pip.conf"
image python:3.11-slim-bookworm "$root"
rm -rf --one-file-system "$root" "$place/node"

step "The image"
buildah "${store[@]}" bud --pull-never -t dozvon . >>"$lab/image.log" 2>&1 </dev/null ||
    fail "The image cannot be built; the log is $lab/image.log"

step "Its command: the address in the log, the wizard's screens, the demonstration's commands, an end in order"
made=$(buildah "${store[@]}" from --pull-never localhost/dozvon)
command=$(buildah "${store[@]}" inspect --format '{{range .OCIv1.Config.Entrypoint}}{{.}} {{end}}{{range .OCIv1.Config.Cmd}}{{.}} {{end}}' "$made")
buildah "${store[@]}" run --env "DOZVON_LISTEN=127.0.0.1:$port" "$made" -- $command >"$lab/container.log" 2>&1 </dev/null &
running=$!
for _ in $(seq 300); do grep -q '/setup?code=' "$lab/container.log" && break; sleep 0.2; done
DOZVON_URL=http://127.0.0.1:$port python3 scripts/try-dist-wizard.py begin "$lab/container.log" ||
    { cat "$lab/container.log" >&2; exit 1; }
buildah "${store[@]}" run "$made" -- dozvon widget build amocrm -o /tmp/widget.zip --backend https://calls.example.com
mounted=$(buildah "${store[@]}" mount "$made")
process=$(dozvon_below "$running") # buildah hands no signal on
[ "$(stat -c %u "/proc/$process")" = "$(awk -F: '$1 == "dozvon" { print $3 }' "$mounted/etc/passwd")" ] ||
    fail "It does not run as the user dozvon."
kill -TERM "$process"
wait "$running"
running=
step "image: passed"
