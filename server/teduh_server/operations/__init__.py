"""What whoever runs a node sees of it: log lines that name nobody, figures, and how late the event loop is.
Imports nothing else of the server; everybody may import it.
"""
