"""Writers of export formats, each after the format's own documentation; they share no code with the readers."""
