#!/usr/bin/env bash
# Prepares the checkout: .venv with the locked dependencies and the dozvon command, and the widgets' packages.
# Run again at any time: what is already right is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

venv=.venv
python_stamp=$venv/setup-python.stamp
widgets_stamp=$venv/setup-widgets.stamp
built_stamp=$venv/setup-widgets-built.stamp

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

setup_python() {
    local wanted
    wanted=$(hash_of requirements.lock pyproject.toml)
    stamp_is "$python_stamp" "$wanted" && [ -x "$venv/bin/dozvon" ] && return
    # An environment whose interpreter is gone or too old is made anew, any other one is brought up to date.
    if ! "$venv/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        make_venv "$(find_python)"
    fi
    step "Python: installing $(grep -c '^[a-z]' requirements.lock) locked packages"
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off --require-hashes \
        --only-binary :all: -r requirements.lock </dev/null |
        sed -un -e 's/^Collecting \([^ ]*\).*/    \1/p' -e 's/^Processing .*\//    /p'
    step "Python: installing the dozvon command"
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --quiet --no-deps --no-build-isolation \
        --editable . </dev/null
    printf '%s' "$wanted" >"$python_stamp"
}

setup_widgets() {
    [ -f widgets/package-lock.json ] || return 0
    local wanted
    wanted=$(hash_of widgets/package-lock.json widgets/package.json)
    if stamp_is "$widgets_stamp" "$wanted" && [ -d widgets/node_modules ]; then
        build_widgets
        return
    fi
    local major
    major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/' || true)
    [ "${major:-0}" -ge 20 ] && command -v npm >/dev/null 2>&1 || fail \
        "The widgets are built with Node.js 20 or newer and npm; found: ${major:-none}." \
        "Install Node.js 20 with npm and run make setup again."
    step "Widgets: installing the locked npm packages"
    local log
    log=$(mktemp)
    if ! npm ci --prefix widgets --no-audit --no-fund --loglevel error </dev/null >"$log" 2>&1; then
        # npm closes with two screens of its options; what went wrong stands at the top.
        head -n 15 "$log" >&2
        fail "Widgets: npm could not install the locked packages."
    fi
    rm -f "$log"
    printf '%s' "$wanted" >"$widgets_stamp"
    build_widgets
}

# The compiled widgets are not kept in git: they are made anew whenever a source changed.
build_widgets() {
    local wanted
    # shellcheck disable=SC2046 # our own file names hold no spaces
    wanted=$(hash_of widgets/package-lock.json widgets/build.mjs $(find widgets/shared widgets/amocrm -type f | sort))
    stamp_is "$built_stamp" "$wanted" && [ -f widgets/dist/amocrm/script.js ] && return
    step "Widgets: compiling"
    npm run --prefix widgets --silent build </dev/null
    printf '%s' "$wanted" >"$built_stamp"
}

setup_python
setup_widgets
