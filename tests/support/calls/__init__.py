"""Calls without and with media: scripted sessions, simulated devices, coturn, lossy networks."""
