#!/bin/sh
# ordinary-user.sh UID GID CHECKOUT ENVIRONMENT COMMAND…
#
# Becomes COMMAND, run by an ordinary user who can read the checkout and the virtual environment, write neither, and
# has a home. They may lie where that user cannot go (/root): they are shown at /mnt/checkout and /mnt/environment.
#
# To be run as root in a mount namespace of its own: what is mounted here is gone with it.
set -eu
uid=$1 gid=$2 checkout=$3 environment=$4
shift 4

mount -t tmpfs -o mode=755 none /mnt
mkdir /mnt/checkout /mnt/environment /mnt/home /mnt/home/tmp /mnt/home/run
mount --bind "$checkout" /mnt/checkout
mount --bind "$environment" /mnt/environment
mount -o remount,bind,ro /mnt/checkout
mount -o remount,bind,ro /mnt/environment
chmod 700 /mnt/home/run
chown -R "$uid:$gid" /mnt/home
cd /mnt/checkout
exec setpriv --reuid="$uid" --regid="$gid" --clear-groups "$@"
