"""Pages in real browsers: what serves them, what a person does on them, and what a browser leaves."""
