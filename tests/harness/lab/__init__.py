"""pytest in the lab: `--lab HOST` runs the chosen tests inside the lab's machines, on their KVM, and reports them here.

plugin.py has the options and the loop, machine.py one machine, carried.py the files that go inside; worker.py is pytest's plugin
inside. tests/lab/README.md says why the tests run inside as a whole.
"""

MARK = "@pytest "  # before each line of the worker's, which may follow something that the machine says
