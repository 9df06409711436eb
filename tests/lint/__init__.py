"""Checks of the source text: format, clang-tidy, layers, sizes, shell scripts."""
