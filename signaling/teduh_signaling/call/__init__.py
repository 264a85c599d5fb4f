"""Call messages and the call state machine; they travel inside the encryption, as those of `chat` do."""
