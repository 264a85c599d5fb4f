"""What travels between the devices of a conversation and the relay (`relay`), and inside the encryption
(`chat`).

Data and rules only: no sockets, no clocks, no tasks, so that every driver and every test uses the same ones.
"""
