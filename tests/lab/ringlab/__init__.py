"""The lab: Debian's kernel with its own KVM drivers, booted in an emulator, as a place to run programs in."""
