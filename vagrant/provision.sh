#!/bin/sh
# Makes a fresh Debian or Ubuntu ready for Hoplab, for all of its users. As root, in the machine.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
"$root/inv" setup
ln -sf "$root/.venv/bin/hoplab" /usr/local/bin/hoplab

mkdir -p /etc/modules-load.d
# The machine is there for labs: what these modules and this setting change in it is wanted.
for module in br_netfilter ipip ip_vs dummy; do
    if modprobe -nq "$module" 2>/dev/null; then
        modprobe "$module"
        echo "$module"
    fi
done >/etc/modules-load.d/hoplab.conf
if [ -e /proc/sys/kernel/apparmor_restrict_unprivileged_userns ]; then
    echo 'kernel.apparmor_restrict_unprivileged_userns = 0' >/etc/sysctl.d/60-hoplab.conf
    sysctl -q -p /etc/sysctl.d/60-hoplab.conf
fi
echo "ready: hoplab demo"
