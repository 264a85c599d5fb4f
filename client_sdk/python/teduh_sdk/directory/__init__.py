"""Who else can help: the organisation's signed directory, and cards of its services.

It is fetched whole and searched here, so that nobody learns what was looked for.
"""
