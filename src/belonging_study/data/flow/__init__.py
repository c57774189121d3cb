"""What became of every row and every student."""
