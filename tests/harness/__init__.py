"""What the tests in Python share: the programs under test as objects, gdb sessions, the protocol's bytes, kernels made by hand."""
