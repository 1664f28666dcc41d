"""To head office and back: an engine that decides, a link that sends, over one MQTT connection."""
