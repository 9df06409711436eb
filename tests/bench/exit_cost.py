"""What recording costs the guest that exits most: the same run with `exits on` and `exits off`, by turns.

    python3 -m tests.bench.exit_cost [ROUNDS]

Prints the processor time for each exit and the difference. Nothing is asserted: a busy machine shows noise of its own.
"""

import resource
import statistics
import sys

from tests.integration.harness import paths
from tests.integration.harness.ringside import Ringside
from tests.integration.harness.rsp import RspClient

# One IN after the other from a port where nothing listens: the cheapest exit to userspace there is.
KIND, TIMES, EXITS_EACH = "in8", 2000, 19


def monitor(client: RspClient, line: str) -> None:
    """A monitor command whose answer is one line or more of text, and OK or nothing after it."""
    client.ask(b"qRcmd," + line.encode().hex().encode())


def processor_time() -> float:
    """Of all processes that have been started and have ended, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def seconds(recording: bool) -> float:
    """What one run takes, with recording on or off. Waiting for a busy machine does not count."""
    before = processor_time()
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
    return processor_time() - before


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(rounds):
        for recording in (True, False):
            times[recording].append(seconds(recording))
    exits = TIMES * EXITS_EACH
    on, off = (statistics.median(times[recording]) / exits * 1e9 for recording in (True, False))
    # Neighbours have the same noise of the machine in them. What is left of it is the quartiles' distance.
    low, middle, high = statistics.quantiles(
        [(recorded - plain) / exits * 1e9 for recorded, plain in zip(times[True], times[False])], n=4)
    print(f"{exits} exits, {rounds} pairs of runs: median {on:.0f} ns each recorded, {off:.0f} ns not recorded; "
          f"difference of neighbours {middle:+.0f} ns ({middle / off * 100:+.1f} %), half of them between {low:+.0f} and "
          f"{high:+.0f} ns")
    return 0


if __name__ == "__main__":
    sys.exit(main())
