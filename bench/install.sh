#!/bin/sh
# Installs the Debian packages named, as root or by sudo where that asks for no password.
set -eu
as_root=
if [ "$(id -u)" -ne 0 ]; then as_root="sudo -n"; fi
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
