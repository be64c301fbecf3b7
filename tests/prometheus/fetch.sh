#!/usr/bin/env bash
# Unpacks Debian's prometheus and promtool into a folder; installs and starts nothing.
set -euo pipefail

folder=$1

if [ -x "$folder/usr/bin/prometheus" ] && [ -x "$folder/usr/bin/promtool" ]; then
	exit
fi
if command -v prometheus promtool >/dev/null; then
	exit
fi

give_up() {
	echo "prometheus cannot be had: $1" >&2
	echo "Put prometheus and promtool (2.42 or newer) on the PATH and try again." >&2
	exit 1
}

command -v apt-get dpkg-deb >/dev/null || give_up "apt-get and dpkg-deb are not here"

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

download() {
	apt-get -qq -o APT::Sandbox::User=root download prometheus
}

if ! download 2>/dev/null; then
	[ "$(id -u)" = 0 ] || give_up "apt knows no such package; run 'apt-get update' as root once"
	apt-get -qq update || give_up "apt-get update failed"
	download || give_up "apt-get could not download it"
fi
dpkg-deb --extract prometheus_*.deb "$work/root"
cp -r "$work/root/." "$folder"
echo "unpacked $("$folder/usr/bin/promtool" --version 2>&1 | head -n 1)"
