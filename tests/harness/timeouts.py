"""How long to wait for what will come. These are guards against hangs: no test measures time with them."""

import os
import time

FACTOR = float(os.environ.get("RINGSIDE_TEST_TIMEOUT_FACTOR", "1"))


class Deadline:
    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds * FACTOR

    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())

    def over(self) -> bool:
        return self.left() == 0.0
