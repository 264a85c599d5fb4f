"""From the frames of one connection to the services, with admission and limits in between. Nothing below
may import it.
"""
