#!/bin/sh
# bare-machine.sh CHECKOUT KEEP -- COMMAND…
#
# Makes a machine that has nothing but what its distribution's smallest installation has (and certificates), puts the
# checkout in its /root/hoplab and becomes COMMAND there. KEEP is a file that lists paths of this machine, one per line,
# which the new one gets too: how its pip finds packages.
#
# To be run as root, be it only of a user namespace, in mount and PID namespaces of its own. The machine is in memory,
# and is gone with them.
set -eu
checkout=$1 keep=$2
shift 3

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
mkdir $machine/root/hoplab
cp -a "$checkout/." $machine/root/hoplab

# Not chroot: in one, ordinary users may not make user namespaces. The network is this machine's.
mount --bind $machine $machine
cd $machine
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 none run
pivot_root . .
umount -l .
cd /root/hoplab
export HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec "$@"
