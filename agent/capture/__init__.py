"""From devices to stations: each device supervised by itself, each read handed to its station."""
