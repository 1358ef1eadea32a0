"""Keeps web shops and ERPs in step: nothing lost, nothing twice, to the cent."""

__version__ = "0.1.0"
