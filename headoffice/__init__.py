"""Head office: takes in what the stores publish, checks it, keeps it exactly once, and says how far it is.

A reference consumer of the contract. It imports `contract` and nothing of the agent.
"""
