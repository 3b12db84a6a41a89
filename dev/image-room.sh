#!/bin/sh
# image-room.sh USER CHECKOUT COMMAND…
#
# Becomes COMMAND, still root, where that ordinary user can build and run containers: with a home in memory at
# /mnt/home, ids of their own to give away, and the checkout at /mnt/checkout.
#
# To be run as root in mount and PID namespaces of its own: what is mounted here, and runs, is gone with them.
set -eu
user=$1 checkout=$2
shift 2

mount -t proc proc /proc
mount -t tmpfs -o mode=755 none /mnt
mkdir /mnt/checkout /mnt/home /mnt/home/tmp /mnt/home/run
mount --bind "$checkout" /mnt/checkout
mount -o remount,bind,ro /mnt/checkout
chmod 700 /mnt/home/run
chown -R "$user:" /mnt/home
echo "$user:100000:65536" >/mnt/ids
mount --bind /mnt/ids /etc/subuid
mount --bind /mnt/ids /etc/subgid
# crun knows one kind of control groups or the other, and refuses both at once.
[ ! -d /sys/fs/cgroup/unified ] || mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup
cd "$checkout"
exec "$@"
