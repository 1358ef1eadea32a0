"""The scale suite: worker processes on a real PostgreSQL, measured and killed; `make scale`."""
