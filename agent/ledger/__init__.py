"""The log that nothing is lost from, its projections, and reading both beside the writer."""
