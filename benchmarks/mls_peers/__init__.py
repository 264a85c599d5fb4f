"""The MLS libraries that `benchmarks/mls.py` measures, each behind the same five operations."""
