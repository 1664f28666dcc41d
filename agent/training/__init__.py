"""Practice: the real operations over a store in memory. Nothing of it reaches the ledger, and nobody hears of it."""
