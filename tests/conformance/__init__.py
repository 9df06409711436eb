"""The debug conformance matrix's table. The behaviours themselves are C++ (behaviour.h)."""
