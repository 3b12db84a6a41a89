#!/bin/sh
# bare-machine.sh CHECKOUT TAR -- COMMAND…
#
# Puts the checkout in the /root/hoplab of the machine of bare-root.sh, and becomes COMMAND there.
#
# To be run as root, be it only of a user namespace, in mount and PID namespaces of its own. The machine is in memory,
# and is gone with them.
set -eu
checkout=$1 tar=$2
shift 3

mount -t tmpfs -o mode=755 none /mnt
machine=/mnt/machine
mkdir $machine
tar --directory $machine --numeric-owner --extract --file "$tar"
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
