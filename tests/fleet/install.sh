#!/usr/bin/env bash
# Installs Debian's redis-server where it is missing; valkey-server too, where Debian has it.
set -euo pipefail

give_up() {
	echo "redis-server cannot be had: $1" >&2
	echo "Install redis-server (or valkey-server) and try again. On Debian, as root:" >&2
	echo "    apt-get install --no-install-recommends redis-server" >&2
	exit 1
}

export DEBIAN_FRONTEND=noninteractive
install() {
	# The tests start servers of their own; the one that Debian would start is not wanted.
	printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
	trap 'rm -f "$policy"' EXIT
	apt-get -qq install --yes --no-install-recommends "$1" >/dev/null
}
policy=/usr/sbin/policy-rc.d
[ -e "$policy" ] && policy=$(mktemp)

if ! command -v redis-server >/dev/null; then
	command -v apt-get >/dev/null || give_up "apt-get is not here"
	[ "$(id -u)" = 0 ] || give_up "only root may install it"
	echo "installing redis-server"
	if ! install redis-server 2>/dev/null; then
		apt-get -qq update || give_up "apt-get update failed"
		install redis-server || give_up "apt-get could not install it"
	fi
fi
if ! command -v valkey-server >/dev/null && [ "$(id -u)" = 0 ] &&
	[ -n "$(apt-cache madison valkey-server 2>/dev/null)" ]; then
	echo "installing valkey-server"
	install valkey-server 2>/dev/null || echo "valkey-server cannot be had: going on without it" >&2
fi
