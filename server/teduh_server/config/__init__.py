"""What an operator sets, checked when the node starts. Reads no file but the settings, and holds no state."""
