"""What the desk shows: queries over the tables of the view, one SQL for both databases."""
