#!/usr/bin/env bash
# Installs Debian's chromium, its driver and a font, where they are missing.
set -euo pipefail

packages=(chromium chromium-driver fonts-dejavu-core)

if command -v chromedriver >/dev/null && { command -v chromium || command -v chromium-browser; } >/dev/null; then
	exit
fi

give_up() {
	echo "chromium cannot be had: $1" >&2
	echo "Install chromium, its chromedriver and a font, and try again. On Debian, as root:" >&2
	echo "    apt-get install --no-install-recommends ${packages[*]}" >&2
	exit 1
}

command -v apt-get >/dev/null || give_up "apt-get is not here"
[ "$(id -u)" = 0 ] || give_up "only root may install it"

export DEBIAN_FRONTEND=noninteractive
echo "installing ${packages[*]}"
install() {
	apt-get -qq install --yes --no-install-recommends "${packages[@]}" >/dev/null
}
if ! install 2>/dev/null; then
	apt-get -qq update || give_up "apt-get update failed"
	install || give_up "apt-get could not install it"
fi
