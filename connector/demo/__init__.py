"""The demo: two hostile sandboxes, a worker that is killed once, and a count in the end."""
