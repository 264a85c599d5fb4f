"""What staff alone do: requests, shifts, invitations by role. Stands on all the others."""
