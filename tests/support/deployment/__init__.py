"""The files of `deploy/` as wholes: what each line of them must be, and why."""
