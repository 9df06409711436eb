"""Real guests, driven by a real gdb through the real program: what a user sees."""
