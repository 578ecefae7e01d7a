#!/usr/bin/env bash
# Gets an Asterisk for the tests where the distribution has none (Debian 12 has not): Debian unstable's package and what it needs, unpacked
# into a folder and started through its own loader, so that nothing of the machine is changed. Prints the path for HUBBUB_ASTERISK.
#
#     export HUBBUB_ASTERISK=$(tests/e2e/asterisk_from_debian.sh FOLDER)
#
# Needs apt with its lists (`apt-get update`) and dpkg-deb, no root. The mirror is the one that the machine's own lists come from, or
# the one that DEBIAN_MIRROR names.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
[ ! -x "$folder/asterisk" ] || { echo "$folder/asterisk"; exit 0; }
mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial" "$folder/root"
: >"$folder/apt/status"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | sort -u | head -1)}
[ -n "$mirror" ] || { echo "no mirror of Debian is known here: run apt-get update, or name one in DEBIAN_MIRROR" >&2; exit 1; }
echo "deb [signed-by=$keys] $mirror sid main" >"$folder/apt/sources"
options=(
    -o "Dir::State::status=$folder/apt/status" -o "Dir::State::lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt"
    -o "Dir::Etc::sourcelist=$folder/apt/sources" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null
    -o APT::Install-Recommends=false -o APT::Get::List-Cleanup=0 -o Debug::NoLocking=1 -o APT::Sandbox::User=
    -o Acquire::Check-Valid-Until=false  # a mirror may lag behind; its signature is checked all the same
)
apt-get "${options[@]}" -qq update >&2
apt-get "${options[@]}" -qq -y --download-only install asterisk >&2
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/root"
done
root=$folder/root
library=$(dirname "$(find "$root" -name 'libc.so.6' | head -1)")
loader=$(find "$root" -name 'ld-linux*.so*' \( -type f -o -type l \) | head -1)
modules=$(dirname "$(find "$root" -name app_audiosocket.so | head -1)")
rm -rf "$folder/apt"
ln -sfn "$modules" "$folder/modules"
ln -sfn "$root/usr/share/asterisk" "$folder/data"
printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s/usr/sbin/asterisk" "$@"\n' "$loader" "$library" "$root" >"$folder/asterisk"
chmod +x "$folder/asterisk"
"$folder/asterisk" -V >&2
echo "$folder/asterisk"
