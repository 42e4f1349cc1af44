# Shared by the set-up scripts: progress lines, stamps, and asking for root. Sourced, never run.

# One line for each step, so that a person sees the progress.
step() { printf '==> %s\n' "$*"; }

fail() {
    { echo; printf '%s\n' "$@"; } >&2
    exit 1
}

# Remembers the last run, so that a repeated set-up takes milliseconds: stamp_is FILE WANTED.
stamp_is() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# A hash over the named files (missing ones count as empty) and the checkout's place:
# a virtual environment does not survive being moved.
hash_of() {
    { pwd; cat -- "$@" 2>/dev/null || true; } | sha256sum | cut -d ' ' -f 1
}

can_be_root() {
    [ "$(id -u)" = 0 ] && return 0
    command -v sudo >/dev/null 2>&1 || return 1
    sudo -n true 2>/dev/null || [ -t 0 ]
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# apt_install WHAT-FOR PACKAGE...: installs, or says what a person must do.
apt_install() {
    local purpose=$1
    shift
    command -v apt-get >/dev/null 2>&1 || fail \
        "$purpose: needs the Debian packages: $*" \
        "This machine has no apt-get. Install them (or what they are called here) and run this again."
    can_be_root || fail \
        "$purpose: needs the Debian packages: $*" \
        "Installing is not allowed here (not root, and no sudo). Ask an administrator to run:" \
        "    apt-get install $*"
    step "$purpose: apt-get install $*"
    local log
    log=$(mktemp)
    # Continue if one of several sources cannot be reached: the installation itself shows whether it matters.
    as_root apt-get update >"$log" 2>&1 </dev/null || true
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" \
        >>"$log" 2>&1 </dev/null; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        fail "$purpose: apt-get could not install: $*"
    fi
    rm -f "$log"
}

own_mirror() {
    apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk '$1 == "Debian" && $2 ~ /^(https?|file):/ && $2 !~ /security/ && !found { print $2; found = 1 }' || true
}

# debian_mirror WHAT-FOR: the one that this machine's own apt uses, or DOZVON_DEBIAN_MIRROR.
# apt's lists may have been thrown away, as images do to be small.
debian_mirror() {
    local mirror
    mirror=${DOZVON_DEBIAN_MIRROR:-$(own_mirror)}
    if [ -z "$mirror" ] && command -v apt-get >/dev/null 2>&1; then
        as_root apt-get update >/dev/null 2>&1 </dev/null || true
        mirror=$(own_mirror)
    fi
    [ -n "$mirror" ] || fail \
        "$1: Debian's packages are needed, and this machine's apt names no Debian mirror." \
        "Name one by DOZVON_DEBIAN_MIRROR=http://YOUR-MIRROR/debian and run this again."
    printf '%s' "$mirror"
}
