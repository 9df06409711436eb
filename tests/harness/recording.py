"""Writes a recording as Ringside does (vmm/exits/trace/trace_format.h), of a run with hardware exits that this host may not have."""

import json
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

SEGMENT_BYTES = 1 << 20
INFO, EXITS, END, HARDWARE_EXITS = 1, 2, 3, 4
KVM_EXIT_IO, KVM_EXIT_MMIO = 2, 6
READ, WRITE = 1, 2
SVM = 2
SVM_NAMES = {0x72: "CPUID", 0x7b: "IO", 0x7c: "MSR", 0x400: "NPF"}


@dataclass
class Exit:
    """One exit; times in nanoseconds. info1 and info2 are those of a hardware exit."""

    reason: int
    entered: int
    exited: int
    handled: int
    rip: int = 0x100000
    address: int = 0
    value: int = 0
    size: int = 0
    direction: int = 0
    info1: int = 0
    info2: int = 0

    def packed(self) -> bytes:
        kind = self.reason | 1 << 32 | self.size << 48 | self.direction << 56
        return struct.pack("<7Q", self.entered, self.exited, self.handled, self.rip, kind, self.address, self.value)

    def packed_hardware(self) -> bytes:
        return self.packed() + struct.pack("<5Q", SVM | self.reason << 32, self.info1, self.info2, 0, 0)


@dataclass
class Lane:
    """One vCPU's exits of one tier."""

    vcpu: int
    exits: list[Exit]
    lost: int = 0
    unpaired: int = 0


@dataclass
class Recording:
    userspace: list[Lane] = field(default_factory=list)
    hardware: list[Lane] = field(default_factory=list)

    def write(self, path: Path) -> None:
        info = {"kernel": "/boot/example", "started": "2026-01-01T00:00:00Z", "origin": 0, "origin_ns": 0, "slide": 0,
                "missing_hardware": "", "hardware": {"isa": SVM, "names": list(SVM_NAMES.items())}}
        blocks = [_block(INFO, json.dumps(info).encode())]
        blocks += [_block(EXITS, _lane(lane, Exit.packed)) for lane in self.userspace]
        blocks += [_block(HARDWARE_EXITS, _lane(lane, Exit.packed_hardware)) for lane in self.hardware]
        path.write_bytes(struct.pack("<8sII", b"RINGTRC2", SEGMENT_BYTES, 64) + b"".join([*blocks, _block(END, b"")]))


def _lane(lane: Lane, pack) -> bytes:
    # Neither clock runs: one tick is one nanosecond.
    header = struct.pack("<IIQQQQQQ", lane.vcpu, len(lane.exits), 0, 0, lane.lost, lane.unpaired, 0, 0)
    return header + b"".join(pack(exit) for exit in lane.exits)


def _block(kind: int, payload: bytes) -> bytes:
    checked = struct.pack("<IQI", kind, 1, len(payload))
    return struct.pack("<I", 0x4b4c4252) + checked + struct.pack("<I", zlib.crc32(checked + payload)) + payload


def example(rounds: int = 400) -> Recording:
    """Two vCPUs. Each round has a CPUID and an MSR that the kernel handles, a page, and a port that userspace answers."""
    run = Recording()
    for vcpu in range(2):
        userspace, hardware = Lane(vcpu, []), Lane(vcpu, [], lost=3 * vcpu, unpaired=1)
        entered = 1000 * vcpu
        for i in range(rounds):
            for reason, guest, kernel, extra in (
                    (0x72, 2000 + i % 7 * 300, 1100 + i % 5 * 200, {"address": i % 3, "rip": 0x100100}),
                    (0x7c, 1500, 1500 + i % 11 * 150, {"address": 0xc0000082, "value": i, "size": 8, "direction": WRITE,
                                                       "info1": 1, "rip": 0x100200}),
                    (0x400, 3000, 5000 + i % 13 * 400, {"address": 0x1000000 + 4096 * i, "direction": WRITE,
                                                        "info1": 6, "info2": 0x1000000 + 4096 * i, "rip": 0x100300}),
                    (0x7b, 1000, 9000 + i % 17 * 500, {"address": 0x3f8, "size": 1, "direction": WRITE,
                                                       "info1": 0x3f80010, "rip": 0x100400})):
                exited, handled = entered + guest, entered + guest + kernel
                hardware.exits.append(Exit(reason, entered, exited, handled, **extra))
                entered = handled
            last = hardware.exits[-1]
            userspace.exits.append(Exit(KVM_EXIT_IO, max(0, last.entered - 20000), last.exited + 2000, last.handled - 1500,
                                        rip=0x100402, address=0x3f8, value=0x41, size=1, direction=WRITE))
        run.userspace.append(userspace)
        run.hardware.append(hardware)
    return run
