"""What recording costs the guest that exits most: the same run with `exits on` and `exits off`, by turns.

    python3 -m tests.bench.exit_cost [ROUNDS]

Prints the processor time for each exit and the difference. Nothing is asserted: a busy machine adds noise.
"""

import resource
import statistics
import sys

from tests.harness import paths
from tests.harness.ringside import Ringside
from tests.harness.rsp import RspClient

# One IN after the other from a port where nothing listens: the cheapest exit to userspace there is.
KIND, TIMES, EXITS_EACH = "in8", 2000, 19


def monitor(client: RspClient, line: str) -> None:
    """Sends a monitor command, whose answer is text, perhaps followed by OK."""
    client.ask(b"qRcmd," + line.encode().hex().encode())


def processor_times() -> tuple[float, float]:
    """Of all processes that have been started and have ended, in seconds: in their own code, and with the kernel's."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime, usage.ru_utime + usage.ru_stime


def run(recording: bool) -> tuple[float, float]:
    """What one run takes, with recording on or off: in the monitor's own code, where all of recording is, and in all.
    Waiting for a busy machine does not count."""
    own, everything = processor_times()
    vm = Ringside.run(paths.GUESTS / "exits", "--serial", "none", f"--append=only={KIND} times={TIMES}")
    try:
        client = RspClient(vm.port())
        client.ask(b"?")
        monitor(client, "exits on" if recording else "exits off")
        reply = client.ask(b"vCont;c")
        while not reply.startswith(b"W"):
            reply = client.receive()
        client.close()
        vm.wait()
    finally:
        vm.close()
    own_after, everything_after = processor_times()
    return own_after - own, everything_after - everything


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    exits = TIMES * EXITS_EACH
    own: dict[bool, list[float]] = {True: [], False: []}  # nanoseconds for each exit
    everything: list[float] = []
    for _ in range(rounds):
        for recording in (True, False):
            of_monitor, in_all = (seconds / exits * 1e9 for seconds in run(recording))
            own[recording].append(of_monitor)
            everything.append(in_all)
    # Neighbours have the same noise of the machine in them. What is left of it is the quartiles' distance.
    low, middle, high = statistics.quantiles([on - off for on, off in zip(own[True], own[False])], n=4)
    whole = statistics.median(everything)
    print(f"{exits} exits, {rounds} pairs of runs: {whole:.0f} ns each, of which recording takes {middle:.0f} ns "
          f"({middle / whole * 100:.1f} %); half of the pairs say {low:.0f} to {high:.0f} ns")
    return 0


if __name__ == "__main__":
    sys.exit(main())
