"""The other end of every wire: scanners with their clerks, and the demo that runs all programs together."""
