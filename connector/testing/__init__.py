"""What third parties test their adapters with: contracts, the memory adapter, liars, mutants."""
