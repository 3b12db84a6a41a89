#!/bin/sh
# ordinary-user.sh UID CHECKOUT ENVIRONMENT PYTHON: what root types in a machine, and then an ordinary user.
#
# Loads what puts devices into every network namespace; then a lab is brought up, looked at and taken down.
uid=$1 checkout=$2 environment=$3 python=$4
"$(cat /proc/sys/kernel/modprobe)" -a ipip ip_gre sit overlay vxlan br_netfilter nf_conntrack
for device in tunl0 gre0 sit0 erspan0; do
    ip link show "$device" >/dev/null && echo "machine has $device"
done
unshare --mount sh "$checkout/dev/ordinary-user.sh" "$uid" "$uid" "$checkout" "$environment" \
    env HOME=/mnt/home XDG_RUNTIME_DIR=/mnt/home/run TMPDIR=/mnt/home/tmp PYTHONDONTWRITEBYTECODE=1 \
    sh -s "/mnt/environment/bin/$python" <<'TYPED'
echo "user is $(id -u)"
type() {
    echo "$ $*"
    "$@" 2>&1 </dev/null
    echo "status $?"
}
python=$1
type "$python" -m tests.vm.patiently two-subnet two-subnet
type "$python" tasks.py up --topology two-subnet
type "$python" tasks.py exec node-0 -- ip -br link
type "$python" tasks.py trace --from pod-0 --to myapp --via pod-3
type "$python" tasks.py down
TYPED
