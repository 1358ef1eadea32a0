"""The workbench: what is told to whoever writes a mapping, before any system is touched."""
