"""LLRP, the Low Level Reader Protocol: framing of messages and parameters, and their names. Fields come later."""
