"""virtio devices as Debian's stock modules see them.

In the lab's AMD machine: the DSDT leads virtio_mmio to every device, ext4 on a disk is read and written, a tap interface
is pinged, /dev/hwrng is read, hvc0 is written to, host and guest call each other by vsock. Afterwards the disk's image is
looked at from outside the guest.
"""

import shlex
from pathlib import Path

from tests.linux import file_system, initramfs, modules
from tests.linux.lab import kernel, run_script

HERE = Path(__file__).resolve().parent

DRIVERS = ("virtio_mmio", "virtio_blk", "virtio_console", "virtio_rng", "virtio_net",
           "vmw_vsock_virtio_transport")
LIMIT = 240

TYPED = f"""\
{modules.LOAD}
echo lines $(grep -c virtio /proc/interrupts)
mkdir -p /mnt; mount -t ext4 /dev/vda /mnt; cat /mnt/hello
echo written inside >/mnt/new; umount /mnt
echo serial $(cat /sys/block/vda/serial)
echo bytes $(dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c)
echo from the guest >/dev/hvc0
vsock_peer guest
ifconfig eth0 192.168.9.2 up; ping -c 2 192.168.9.1
poweroff -f"""
EXPECTED = ("lines 5", "from outside", "serial disk.img", "bytes 16", "vsock: good", "2 packets transmitted, 2 packets received")


def host_script(debian: object, ringside: Path, peer: Path, folder: Path) -> str:
    """What the lab's machine does around the guest."""
    bzimage = next(debian.tree.glob("boot/vmlinuz-*"))
    session = ["sh", HERE / "session", "--type", TYPED.replace("\n", "; ").replace("do;", "do")]
    for text in EXPECTED:
        session += ["--expect", text]
    guest = [ringside, "run", "--serial", "stdio", "-i", folder / "initrd", "--disk", folder / "disk.img", "--rng",
             "--virtio-console", "file:/tmp/hvc0", "--vsock", "3,/tmp/vsock", "--net", "tap:tap0", "--append",
             "console=ttyS0 reboot=k panic=-1 quiet", bzimage]
    return "\n".join(("set -e", f"insmod {debian.module('tun')}", "mkdir -p /dev/net",
                      "[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200",
                      "tunctl -t tap0", "ifconfig tap0 192.168.9.1 up",
                      f"{peer} host /tmp/vsock &", shlex.join(map(str, [*session, "--", *guest])), "wait $!",
                      "grep 'from the guest' /tmp/hvc0", f"grep -q 'written inside' {folder}/disk.img", ""))


def test_debians_modules_drive_every_device(ringside: Path, tmp_path: Path) -> None:
    peer = ringside.parent / "tests" / "linux" / "vsock_peer"
    debian = kernel.prepare()
    (tmp_path / "initrd").write_bytes(initramfs.build({"/bin/vsock_peer": peer.read_bytes()}) + modules.archive(debian, DRIVERS))
    file_system.make(tmp_path / "disk.img", "ext4", 16 << 20, {"hello": b"from outside\n"})
    script = tmp_path / "host"
    script.write_text(host_script(debian, ringside, peer, tmp_path), encoding="utf-8")
    files = [ringside, peer, HERE / "session", tmp_path / "initrd", tmp_path / "disk.img", debian.module("tun"),
             next(debian.tree.glob("boot/vmlinuz-*"))]
    assert run_script("amd", script, LIMIT, files) == 0
