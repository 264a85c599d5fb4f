"""The command line: `teduh serve`, `teduh demo`, `teduh org ...`."""
