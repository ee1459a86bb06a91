#!/usr/bin/env bash
# Records the captures of testdata/ anew: testdata/make.sh [CASE...]
#
# Needs root and Debian 12. Real clients and servers talk over a veth pair between two network
# namespaces while tcpdump records; testdata/make/cases_*.py say who says what to whom. The
# variants (encapsulated, damaged, other file formats) are derived from those recordings.
# expect.toml files are written by hand and never touched here.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${WORK:-/tmp/tlsight-testdata}
export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

packages=(openssl gnutls-bin curl nginx-light nodejs chromium tcpdump iproute2 ethtool procps python3
    python3-venv postgresql postgresql-client mariadb-server mariadb-client slapd ldap-utils zstd
    hostapd wpasupplicant openjdk-17-jdk-headless)

if [[ $(id -u) -ne 0 ]]; then
    echo "make.sh: network namespaces need root" >&2
    exit 1
fi
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [[ ${#missing[@]} -gt 0 ]]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

mkdir -p "$work"
if [[ ! -x $work/venv/bin/aioquic-ready ]]; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install -q aioquic==1.7.2 cryptography==50.0.2 pyOpenSSL==26.4.0 tlslite-ng==0.8.2
    ln -sf python "$work/venv/bin/aioquic-ready"
fi
[[ -f $work/certificates/ecdsa.ocsp ]] ||
    "$work/venv/bin/python" "$here/make/certificates.py" "$work/certificates"

# Debian 12 packages nothing that speaks DTLS 1.3: its wolfSSL is built without.
command -v cargo >/dev/null || PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
cargo build --quiet --locked --manifest-path "$here/make/dtls13/Cargo.toml" --target-dir "$work/dtls13"

remove_network() {
    ip netns pids tlsight-client 2>/dev/null | xargs -r kill 2>/dev/null || true
    ip netns pids tlsight-server 2>/dev/null | xargs -r kill 2>/dev/null || true
    ip netns del tlsight-client 2>/dev/null || true
    ip netns del tlsight-server 2>/dev/null || true
}

make_network() {
    remove_network
    ip netns add tlsight-client
    ip netns add tlsight-server
    ip link add name veth0 address 02:00:00:00:00:01 netns tlsight-client type veth \
        peer name veth0 address 02:00:00:00:00:02 netns tlsight-server
    local side last
    for side in client server; do
        last=$([[ $side == client ]] && echo 1 || echo 2)
        ip -n "tlsight-$side" link set lo up
        ip -n "tlsight-$side" address add "192.0.2.$last/24" dev veth0
        ip -n "tlsight-$side" address add "2001:db8::$last/64" dev veth0 nodad
        # Frames as a wire carries them: no segments above the MTU, true checksums.
        ip netns exec "tlsight-$side" ethtool -K veth0 tx off tso off gso off gro off >/dev/null
        ip -n "tlsight-$side" link set veth0 up
    done
}

trap remove_network EXIT
make_network
export PATH=$work/venv/bin:$work/dtls13/debug:$PATH
python "$here/make/record.py" "$work" "$here" "$@"
python "$here/make/derive.py" "$here"
