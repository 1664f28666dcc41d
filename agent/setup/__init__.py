"""Setting up a store's PC: what is asked, what a scanner shows of itself, and the configuration that follows."""
