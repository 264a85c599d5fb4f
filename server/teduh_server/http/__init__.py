"""Routes beside the socket: pages, enrolment, revocations, health, and the beacon of a page that goes.
Never a word of a conversation.
"""
