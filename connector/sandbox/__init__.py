"""The hostile twin: a shop and an ERP as bad as real ones; it shares no code with what it tests."""
