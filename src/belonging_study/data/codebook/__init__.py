"""What each variable is, where it came from, and why values are missing."""
