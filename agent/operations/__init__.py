"""What a scan does to stock. Pure: state and command in, drafts of events and an answer out."""
