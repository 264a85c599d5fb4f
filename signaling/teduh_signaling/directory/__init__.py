"""The directory of services: who else can help. Public, fetched whole, and searched on the reader's device.

    format.py    what the file says: services as in HSDS 3.1, and what makes it invalid
    hours.py     weekly rules (RFC 5545) by the clock of the service
    search.py    what a reader is shown of it, and how old that may be

The relay serves it as bytes and learns nothing of who looks for what.
"""
