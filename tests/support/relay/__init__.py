"""A relay as a process or in the test's own event loop, and what stands around one."""
