"""Every single condition of flow and ledger removed, one at a time: some test must fail."""
