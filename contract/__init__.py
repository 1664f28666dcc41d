"""What head office sees: topics, messages, the canonical form and its hash chain, the meaning of stock.

Pure. Imports nothing of ours but `identity`. The agent, head office and the simulators all stand on it.
"""
