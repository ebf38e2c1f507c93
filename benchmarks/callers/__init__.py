"""The programs that :mod:`benchmarks.rpc` compares: each sends calls, and handles them."""
