"""What tests share and no test is: environments to run in, clients to drive, files to read.

Nothing here is collected; `tests/`, `benchmarks/` and `tools/` import it as `support`.
"""
