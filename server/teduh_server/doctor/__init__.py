"""What `teduh doctor` looks at: the settings, the authority statement, the directory, the store, the
machine, and the TURN servers.

Each check gives findings in plain words; none changes anything.
"""
