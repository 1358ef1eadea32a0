"""The ledger: all SQL of the connector, as functions that take a Connection first."""
