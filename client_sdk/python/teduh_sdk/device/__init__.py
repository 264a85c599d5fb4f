"""What a device is and keeps: its identity, its encrypted store, and how it is enrolled."""
