#!/usr/bin/env bash
# Tries what `make dist` built, and `make run` of a fresh clone, in clean Debian 12 roots: try-dist.sh [wheel] [deb] [upgrade] [systemd] [https] [checkout]
# Needs root, debootstrap and about 3 GB. Services run in their own network, so no port of this machine is used.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

trials=("${@:-all}")
[ "${trials[*]}" != all ] || trials=(wheel deb upgrade systemd https checkout)
[ "$(id -u)" = 0 ] || fail "Roots are made by debootstrap and entered by chroot: run this as root."
for tool in debootstrap unshare ip; do
    command -v "$tool" >/dev/null || fail "This needs $tool: apt-get install debootstrap util-linux iproute2"
done

lab=${DOZVON_LAB_DIR:-.lab}
mkdir -p "$lab"
lab=$(cd "$lab" && pwd)
base=$lab/bookworm
root=
booted= # the process that holds the namespaces of a root whose systemd runs

drop_root() {
    if [ -n "$booted" ]; then # its systemd is killed with it, and everything in that one's process namespace
        kill -KILL "$booted" 2>/dev/null || true
        wait "$booted" 2>/dev/null || true
        booted=
    fi
    [ -z "$root" ] || rm -rf --one-file-system "$root"
}
trap drop_root EXIT

make_base() {
    stamp_is "$lab/bookworm.ready" minbase && return
    local mirror
    mirror=$(debian_mirror "The clean roots")
    step "Unpacking Debian 12 (a minute or two)"
    rm -rf --one-file-system "$base"
    debootstrap --variant=minbase --include=ca-certificates bookworm "$base" "$mirror" >"$lab/bookworm.log" 2>&1 </dev/null ||
        fail "debootstrap failed; the whole log is $lab/bookworm.log"
    printf minbase >"$lab/bookworm.ready"
}

# A root as an administrator finds it, and with this machine's way to the registries.
fresh_root() {
    drop_root
    root=$(mktemp -d "$lab/try-XXXXXX")
    cp -a "$base/." "$root"
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    grep -lsr '^Acquire' /etc/apt/apt.conf.d | xargs -r cp -t "$root/etc/apt/apt.conf.d"
    [ ! -r "${SSL_CERT_FILE:-}" ] || cp "$SSL_CERT_FILE" "$root/etc/machine-ca.crt"
    local index registry
    index=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)
    [ -z "$index" ] || printf '[global]\nindex-url = %s\n' "$index" >"$root/etc/pip.conf"
    registry=$(npm config get registry 2>/dev/null || true)
    [ -z "$registry" ] || printf 'registry=%s\n' "$registry" >"$root/root/.npmrc"
    cp scripts/try-dist-wizard.py "$root/root/wizard.py"
    git ls-files -z -- integration connectors pbx_adapter bench | grep -zv 'README.md$' |
        xargs -0 sha256sum >"$root/root/sources"
    find widgets/dist -type f -print0 | sort -z | xargs -0 sha256sum >>"$root/root/sources"
}

# The variables of commands in the root: none of this machine's, but for the way to the registries.
root_environment() {
    local name
    printf '%s\n' HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    [ ! -f "$root/etc/machine-ca.crt" ] || printf '%s\n' {PIP_CERT,NODE_EXTRA_CA_CERTS}=/etc/machine-ca.crt
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        [ -z "${!name:-}" ] || printf '%s=%s\n' "$name" "${!name}"
    done
}

# The script from standard input into the root, to end at its first error.
put_script() {
    { printf 'set -eu\n'; cat scripts/try-dist-inside.sh -; } >"$root/root/trial.sh"
}

# inside [--offline]: runs the script from standard input in the root.
inside() {
    local namespaces=(--mount --pid --fork --kill-child) offline= variables
    [ "${1:-}" != --offline ] || { namespaces+=(--net) offline=yes; }
    mapfile -t variables < <(root_environment)
    put_script
    unshare "${namespaces[@]}" -- sh -euc '
        [ -z "$2" ] || ip link set lo up
        mount --bind "$1" "$1"
        mount -t proc proc "$1/proc"
        root=$1
        shift 2
        exec chroot "$root" env -i "$@" sh /root/trial.sh' sh "$root" "$offline" "${variables[@]}" </dev/null
}

# Starts the root's systemd, without network.
boot() {
    unshare --mount --pid --net --uts --ipc --cgroup --fork --kill-child -- sh -euc '
        ip link set lo up
        mount --bind "$1" "$1"
        mount -t proc proc "$1/proc"
        mount -t sysfs -o ro sysfs "$1/sys"
        if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
            mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
        else
            mount -t tmpfs -o mode=755 tmpfs "$1/sys/fs/cgroup"
            mkdir "$1/sys/fs/cgroup/systemd"
            mount -t cgroup -o none,name=systemd,xattr cgroup "$1/sys/fs/cgroup/systemd"
        fi
        mount -t tmpfs -o mode=755 tmpfs "$1/run"
        mount -t tmpfs tmpfs "$1/tmp"
        exec chroot "$1" env -i container=trial PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --log-target=console
        ' sh "$root" >"$lab/systemd.log" 2>&1 </dev/null &
    booted=$!
    inside_booted <<'SH' || fail "systemd did not start; its log is $lab/systemd.log"
for _ in $(seq 60); do
    case $(systemctl is-system-running 2>/dev/null || true) in running | degraded) exit 0 ;; esac
    sleep 1
done
exit 1
SH
}

# inside_booted: runs the script from standard input beside the root's systemd.
inside_booted() {
    local variables init=
    mapfile -t variables < <(root_environment)
    put_script
    for _ in $(seq 100); do
        read -r init <"/proc/$booted/task/$booted/children" && [ -n "$init" ] &&
            [ "$(cat "/proc/$init/comm" 2>/dev/null)" = systemd ] && break
        sleep 0.1
    done
    nsenter --target "$init" --mount --pid --net --uts --ipc --root --wd -- \
        env -i "${variables[@]}" sh /root/trial.sh </dev/null
}

the_only() {
    local found=("$@")
    [ ${#found[@]} = 1 ] && [ -f "${found[0]}" ] || fail "dist/ has not exactly one ${found[0]##*.}: run make dist first."
    printf '%s' "${found[0]}"
}

try_wheel() {
    step "Wheel: pip install in a bare virtual environment"
    local wheel
    wheel=$(the_only dist/*.whl)
    fresh_root
    cp "$wheel" "$root/root/"
    inside <<'SH'
packages python3 python3-venv
python3 -m venv /opt/dozvon
/opt/dozvon/bin/pip install --quiet --disable-pip-version-check /root/dozvon-*.whl
SH
    step "Wheel: the commands, the service and the demonstration, without network, npm and checkout"
    inside --offline <<'SH'
PATH=/opt/dozvon/bin:$PATH
python=/opt/dozvon/bin/python
cd /tmp
same_files
try_commands
mkdir data
printf '[server]\ndata_dir = "/tmp/data"\n' >dozvon.toml
during=become_owner serve dozvon run --config dozvon.toml
during=still_owner serve dozvon run --config dozvon.toml
try_demo dozvon demo --folder /tmp/demo
SH
}

try_deb() {
    step "Debian package: apt-get install"
    local package
    package=$(the_only dist/*.deb)
    fresh_root
    cp "$package" "$root/root/dozvon.deb"
    inside <<'SH'
apt-get update -qq
apt-get install -qq --no-install-recommends /root/dozvon.deb >/root/apt.log 2>&1 || { cat /root/apt.log; exit 1; }
is "$(stat -c '%a %U:%G' /etc/dozvon)" "750 root:dozvon"
is "$(stat -c '%a %U:%G' /etc/dozvon/dozvon.toml)" "640 root:dozvon"
is "$(stat -c '%a %U:%G' /var/lib/dozvon)" "700 dozvon:dozvon"
SH
    step "Debian package: the commands, and the unit's command line as its user, without network"
    inside --offline <<'SH'
python=/usr/lib/dozvon/bin/python3
cd /tmp
same_files
try_commands
try_demo dozvon demo --folder /tmp/demo
during=become_owner serve_unit
SH
    step "Debian package: installed again, removed, installed, purged"
    inside --offline <<'SH'
python=/usr/lib/dozvon/bin/python3
echo "# of the administrator" >>/etc/dozvon/dozvon.toml
state() { cat /etc/dozvon/dozvon.toml /var/lib/dozvon/secret.key | sha256sum; ls /var/lib/dozvon; stat -c '%a %U:%G %n' /etc/dozvon /etc/dozvon/* /var/lib/dozvon; }
before=$(state)
echo "    dpkg -i of the same version"
quietly dpkg -i /root/dozvon.deb
is "$(state)" "$before"
during=still_owner serve_unit
before=$(state)
echo "    dpkg --remove"
quietly dpkg --remove dozvon
is "$(state)" "$before"
gone /usr/bin/dozvon /usr/lib/dozvon /usr/sbin/dozvon-https
echo "    dpkg -i after it"
quietly dpkg -i /root/dozvon.deb
is "$(state)" "$before"
during=still_owner serve_unit
echo "    dpkg --purge"
quietly dpkg --purge dozvon
gone /etc/dozvon /usr/lib/dozvon
[ -s /var/lib/dozvon/secret.key ]
getent passwd dozvon >/dev/null
SH
}

# The package of an older commit, into $lab/older.deb.
older_package() {
    local commit=${DOZVON_UPGRADE_FROM:-HEAD~1} checkout
    checkout=$(mktemp -d "$lab/older-XXXXXX")
    git clone --quiet --no-hardlinks . "$checkout"
    git -C "$checkout" checkout --quiet "$(git rev-parse "$commit")"
    ln -s "$PWD/.venv" "$checkout/.venv"
    ln -s "$PWD/widgets/node_modules" "$checkout/widgets/node_modules"
    PATH=$PWD/.venv/bin:$PATH npm run build --prefix "$checkout/widgets" --silent
    (cd "$checkout" && .venv/bin/python -m scripts.dist)
    mv "$(the_only "$checkout"/dist/*.deb)" "$lab/older.deb"
    rm -rf "$checkout"
}

try_upgrade() {
    step "Upgrade: the package of ${DOZVON_UPGRADE_FROM:-HEAD~1}"
    local package
    package=$(the_only dist/*.deb)
    older_package
    fresh_root
    cp "$package" "$root/root/dozvon.deb"
    cp "$lab/older.deb" "$root/root/older.deb"
    inside <<'SH'
apt-get update -qq
apt-get install -qq --no-install-recommends /root/older.deb >/root/apt.log 2>&1 || { cat /root/apt.log; exit 1; }
SH
    step "Upgrade: what was stored under the older package is there under this one, and the configuration is untouched"
    inside --offline <<'SH'
python=/usr/lib/dozvon/bin/python3
echo "# of the administrator" >>/etc/dozvon/dozvon.toml
during=become_owner serve_unit
before=$(cat /etc/dozvon/dozvon.toml /var/lib/dozvon/secret.key | sha256sum)
quietly dpkg -i /root/dozvon.deb
is "$(cat /etc/dozvon/dozvon.toml /var/lib/dozvon/secret.key | sha256sum)" "$before"
same_files
during=still_owner serve_unit
SH
}

try_systemd() {
    step "systemd: a root that has it, and what the Debian package depends on"
    local package
    package=$(the_only dist/*.deb)
    fresh_root
    cp "$package" "$root/root/dozvon.deb"
    inside <<'SH'
packages systemd systemd-sysv caddy /root/dozvon.deb
is "$(systemctl is-enabled dozvon)" enabled
is "$(systemctl is-enabled dozvon-https || true)" disabled
systemd-analyze verify dozvon.service dozvon-https.service
quietly dpkg --purge dozvon
gone /var/lib/dozvon
SH
    boot
    step "systemd: the service starts, reloads, restarts at an upgrade, and ends, by dpkg alone"
    inside_booted <<'SH'
python=/usr/lib/dozvon/bin/python3
main() { systemctl show dozvon -p MainPID --value; }
quietly dpkg -i /root/dozvon.deb
is "$(systemctl is-active dozvon) $(systemctl is-enabled dozvon)" "active enabled"
healthy
is "$(systemctl show dozvon -p User -p LimitNOFILE | sort | tr '\n' ' ')" "LimitNOFILE=65536 User=dozvon "
before=$(main)
systemctl reload dozvon
healthy >/dev/null
is "$(main)" "$before"
quietly dpkg -i /root/dozvon.deb
healthy
[ "$(main)" != "$before" ]
is "$(systemctl show dozvon -p NRestarts --value)" 0
quietly dpkg --remove dozvon
is "$(systemctl is-active dozvon || true)" inactive
quietly dpkg -i /root/dozvon.deb
is "$(systemctl is-active dozvon) $(systemctl is-enabled dozvon)" "active enabled"
quietly dpkg --purge dozvon
is "$(systemctl is-active dozvon || true)" inactive
gone /etc/systemd/system/multi-user.target.wants/dozvon.service
SH
}

try_https() {
    step "https: a root with systemd, Debian's Caddy with its sample page, and an authority that speaks ACME"
    local package
    package=$(the_only dist/*.deb)
    fresh_root
    cp "$package" "$root/root/dozvon.deb"
    inside <<'SH'
packages systemd systemd-sysv caddy /root/dozvon.deb
echo "127.0.0.1 calls.example.com phones.example.com authority.example.com" >>/etc/hosts
# Debian's Caddy as an authority: it tries a name at port 80 or 443, as Let's Encrypt does.
cat >/root/authority <<'CADDY'
{
    admin off
    http_port 8081
    https_port 9443
    skip_install_trust
}
https://authority.example.com:9443 {
    tls internal
    acme_server
}
CADDY
cat >/etc/systemd/system/authority.service <<'UNIT'
[Service]
Environment=XDG_DATA_HOME=/root/authority-data XDG_CONFIG_HOME=/root/authority-data
ExecStart=/usr/bin/caddy run --config /root/authority --adapter caddyfile
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable authority
# All that is changed in the package: who issues.
sed -i 's|^\tadmin off|&\n\tacme_ca https://authority.example.com:9443/acme/local/directory|' /usr/share/dozvon/Caddyfile
grep -q acme_ca /usr/share/dozvon/Caddyfile
SH
    boot
    step "https: one command, the address, the certificate; another name; off; and what it refuses"
    inside_booted <<'SH'
python=/usr/lib/dozvon/bin/python3
cd /tmp
root=/root/authority-data/caddy/pki/authorities/local/root.crt
for _ in $(seq 100); do [ -s "$root" ] && break; sleep 0.1; done
cp "$root" /usr/local/share/ca-certificates/trial.crt
quietly update-ca-certificates
systemctl restart dozvon
healthy >/dev/null
is "$(systemctl is-active caddy dozvon | tr '\n' ' ')" "active active "

echo "    with sites of the administrator in Caddy it changes nothing"
cp -p /etc/caddy/Caddyfile /root/delivered
echo "# mine" >>/etc/caddy/Caddyfile
fails dozvon-https calls.example.com
grep -q 'reverse_proxy 127.0.0.1:8080' fails.log
is "$(systemctl is-active caddy) $(systemctl is-active dozvon-https || true)" "active inactive"
cp -p /root/delivered /etc/caddy/Caddyfile

echo "    a name that is not known is refused, and nothing is stored"
fails dozvon-https nowhere.example.com
grep -q 'ERROR *Name: The name nowhere.example.com is not known' fails.log
runuser -u dozvon -- dozvon address --config /etc/dozvon/dozvon.toml | grep -q 'from server.listen'

echo "    dozvon-https calls.example.com"
dozvon-https calls.example.com >said.txt 2>&1 || { cat said.txt >&2; journalctl -u dozvon-https >&2; exit 1; }
cat said.txt
grep -q 'https://calls.example.com/setup?code=' said.txt
is "$(systemctl is-active caddy || true) $(systemctl is-enabled dozvon-https)" "inactive enabled"
export DOZVON_URL=https://calls.example.com
ask https://calls.example.com/admin/login >/dev/null
become_owner said.txt
still_owner
fails "$python" -c 'import urllib.request; urllib.request.urlopen("https://phones.example.com/", timeout=20)'
grep -q "SSL" fails.log # not ours: no certificate

echo "    another name; a restart keeps both certificates"
dozvon-https phones.example.com >said.txt 2>&1 || { cat said.txt >&2; exit 1; }
fails grep 'setup?code=' said.txt # somebody can sign in
DOZVON_URL=https://phones.example.com still_owner
systemctl restart dozvon-https
DOZVON_URL=https://phones.example.com still_owner

echo "    reinstalled, it goes on; off; removed; purged"
quietly dpkg -i /root/dozvon.deb
is "$(systemctl is-active dozvon-https)" active
dozvon-https --off 2>/dev/null
is "$(systemctl is-active dozvon-https || true)" inactive
quietly dpkg --purge dozvon
gone /var/lib/dozvon-https /etc/default/dozvon-https
SH
}

try_checkout() {
    step "Fresh clone: make setup with Python, git and make, without Node.js"
    fresh_root
    git clone --quiet --no-hardlinks . "$root/srv/dozvon.git"
    inside <<'SH'
packages python3 python3-venv git make ca-certificates
fails command -v node
git clone --quiet /srv/dozvon.git /root/dozvon
cd /root/dozvon
make setup
.venv/bin/node --version
SH
    step "Fresh clone: make run, without network"
    inside --offline <<'SH'
python=/root/dozvon/.venv/bin/python
cd /root/dozvon
try_demo make run
SH
}

make_base
for trial in "${trials[@]}"; do
    case $trial in
        wheel | deb | upgrade | systemd | https | checkout) "try_$trial" ;;
        *) fail "No trial is called $trial; there are: wheel deb upgrade systemd https checkout" ;;
    esac
    step "$trial: passed"
done
