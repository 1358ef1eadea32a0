"""Chaos: the real daemon between two hostile sandboxes, broken at random, audited in the end."""
