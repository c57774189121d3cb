"""The files of a wave: found, coded and brought together, one row a student."""
