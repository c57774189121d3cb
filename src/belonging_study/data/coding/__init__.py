"""From answers as exported to numbers: labels, columns, and what cannot be coded."""
