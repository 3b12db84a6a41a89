#!/bin/sh
# bare-root.sh KEEP TAR
#
# Writes into TAR the root file system of a machine that has nothing but what its distribution's smallest installation
# has (and certificates). KEEP is a file that lists paths of this machine, one per line, which the new one gets too: how
# its pip finds packages.
#
# To be run as root, be it only of a user namespace, in a mount namespace of its own.
set -eu
keep=$1 tar=$2

# shellcheck source=/dev/null
. /etc/os-release
mount -t tmpfs -o mode=755 none /mnt
machine=/mnt/machine
mkdir /mnt/tmp

# This machine's own mirrors, proxies and rules of trust, except sources that are not the distribution's.
sources=
for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/ubuntu.sources; do
    [ ! -s "$file" ] || sources="$sources $file"
done
apt-config dump Acquire | grep -v '::IndexTargets' >/mnt/apt.conf
# shellcheck disable=SC2086
TMPDIR=/mnt/tmp mmdebstrap --mode=root --variant=minbase --include=ca-certificates --aptopt=/mnt/apt.conf \
    "$VERSION_CODENAME" $machine $sources >/mnt/log 2>&1 || { tail -n 20 /mnt/log >&2; exit 1; }

while read -r path; do
    kept=$machine$path
    case $path in "$HOME"/*) kept=$machine/root/${path#"$HOME"/} ;; esac
    [ ! -e "$path" ] || { mkdir -p "${kept%/*}" && rm -rf "$kept" && cp -RL "$path" "$kept"; }
done <"$keep"
chroot $machine update-ca-certificates >/dev/null 2>&1
# No devices: whoever is root of a user namespace alone can make none again.
tar --directory $machine --exclude='./dev/*' --numeric-owner --create --file "$tar" .
