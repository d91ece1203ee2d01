#!/bin/sh
# Installs the Debian or Ubuntu packages that a goal needs, where it may; says what to install where it may not.
#   scripts/system-packages.sh venv    python3-venv
#   scripts/system-packages.sh test    browsers, coturn, Pion and the tools of the network lab
set -eu

case "${1:-}" in
    venv) wanted="python3-venv" ;;
    test) wanted="chromium firefox-esr coturn iproute2 nftables libnss3-tools golang-go golang-github-pion-webrtc.v3-dev" ;;
    *) echo "usage: $0 venv|test" >&2; exit 2 ;;
esac

missing=""
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "please install these packages with your system's own tool:$missing" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then sudo=""; else sudo="sudo -n"; fi
if ! { $sudo apt-get update -q && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends $missing; } >/tmp/rtcpeer-apt.$$ 2>&1; then
    tail -n 5 /tmp/rtcpeer-apt.$$ >&2
    rm -f /tmp/rtcpeer-apt.$$
    echo "could not install them here; please run:  sudo apt-get install$missing" >&2
    exit 1
fi
rm -f /tmp/rtcpeer-apt.$$
