"""Mappings: YAML that says how a system's payloads and our documents become each other."""
