"""The clerks' screens and the local HTTP API."""
