"""What the tests stand on: the programs under test as objects, and the protocol's raw bytes."""
