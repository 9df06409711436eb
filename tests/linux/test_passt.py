"""A guest's network by passt, without any privilege.

In the lab's Intel machine a user who may open /dev/kvm, and nothing else, runs Debian's kernel twice: with a passt that Ringside
starts, and with one that listens already and lets two of its ports through to the guest. The guest gets its address by
DHCP, fetches a file from a server on the machine and sends it back; the second one also serves it. Each time every byte
must be what it was.
"""

import shlex
from pathlib import Path

from tests.linux import initramfs, modules
from tests.linux.lab import kernel, run_script

HERE = Path(__file__).resolve().parent

DRIVERS = ("virtio_mmio", "virtio_net")
LIMIT = 400
MEGABYTES = 4

ADDRESS, GATEWAY = "192.168.9.2", "192.168.9.1"  # of the machine, and so of its guest
SERVES, TAKES = 8000, 9000  # the machine's ports; the guest reaches them through the gateway's address
GUEST_SERVES, GUEST_ENDS = 8001, 9001  # the guest's, where passt lets them through

USER, KVM = 1000, 106  # as on an installed Debian

# What udhcpc runs with the lease in its environment.
LEASE = """\
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"
ip route add default via "$router"
echo "lease $ip from $router"
"""

TYPED = f"""\
{modules.LOAD}
ip link set lo up; ip link set eth0 up
udhcpc -i eth0 -n -q -s /bin/lease
wget -q -O /tmp/file http://{GATEWAY}:{SERVES}/file
httpd -p {GUEST_SERVES} -h /tmp; nc -l -p {GUEST_ENDS} >/tmp/end & nc {GATEWAY} {TAKES} </tmp/file
"""


def root_script(debian: object, user_script: Path) -> str:
    """What root sets up for the user. passt copies an address and a route to the guest, and pivots to a root file system of its own,
    which Linux refuses on the one that it has booted with."""
    return f"""\
set -e
insmod {debian.module('dummy')}
ip addr add {ADDRESS}/24 dev dummy0; ip link set dummy0 up; ip route add default via {GATEWAY}
chgrp {KVM} /dev/kvm; chmod 660 /dev/kvm
chmod 1777 /tmp
mkdir /root/again; mount -o rbind / /root/again; cd /root/again; mount --move . /
exec chroot . /usr/bin/setpriv --reuid={USER} --regid={USER} --groups={KVM} --no-new-privs --bounding-set=-all --inh-caps=-all \\
    sh {user_script}
"""


def guest(debian: object, ringside: Path, folder: Path, net: str, at_end: str) -> str:
    """The guest's whole life."""
    typed = "; ".join((TYPED + at_end).splitlines())
    bzimage = next(debian.tree.glob("boot/vmlinuz-*"))
    session = ["sh", HERE / "session", "--type", typed, "--expect", f"lease {ADDRESS} from {GATEWAY}", "--"]
    program = [ringside, "run", "--serial", "stdio", "-i", folder / "initrd", "--net", net, "--append",
               "console=ttyS0 reboot=k panic=-1 quiet", bzimage]
    return shlex.join(map(str, [*session, *program]))


def user_script(debian: object, ringside: Path, folder: Path) -> str:
    """What the user does. `nc` listens on although nothing is sent: it would hang up at its input's end."""
    take = f"nc -l -p {TAKES} <&4 >/tmp/taken"
    serve = f"wget -q -O /tmp/served http://127.0.0.1:{GUEST_SERVES}/file; nc 127.0.0.1 {GUEST_ENDS} </dev/null"
    return "\n".join((
        "set -e",
        "mkfifo /tmp/nothing; exec 4<>/tmp/nothing",
        f"dd if=/dev/urandom of=/tmp/file bs=1M count={MEGABYTES} 2>/dev/null",
        f"httpd -p 127.0.0.1:{SERVES} -h /tmp",
        f"{take} &",
        guest(debian, ringside, folder, "passt", "poweroff -f"),
        "cmp /tmp/file /tmp/taken; echo \"user $(id -u), passt started by Ringside: every byte came through\"; rm /tmp/taken",
        f"passt -q -s /tmp/socket -t {GUEST_SERVES},{GUEST_ENDS} >/tmp/passt.log 2>&1",
        f"{{ {take}; {serve}; }} &",
        guest(debian, ringside, folder, "passt:/tmp/socket", "wait; poweroff -f"),
        "cmp /tmp/file /tmp/taken; cmp /tmp/file /tmp/served",
        "echo \"user $(id -u), passt that listened: every byte came through, both ways\"", ""))


def test_a_network_for_a_user_without_privileges(ringside: Path, tmp_path: Path) -> None:
    debian = kernel.prepare()
    (tmp_path / "initrd").write_bytes(initramfs.build({"/bin/lease": LEASE.encode()}) + modules.archive(debian, DRIVERS))
    as_user, as_root = tmp_path / "user", tmp_path / "root"
    as_user.write_text(user_script(debian, ringside, tmp_path), encoding="utf-8")
    as_root.write_text(root_script(debian, as_user), encoding="utf-8")
    files = [ringside, HERE / "session", tmp_path / "initrd", as_user, debian.module("dummy"), "/usr/bin/passt",
             "/usr/bin/setpriv", next(debian.tree.glob("boot/vmlinuz-*"))]
    assert run_script("intel", as_root, LIMIT, files) == 0
