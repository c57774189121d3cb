"""What must hold of the tables before anything is estimated."""
