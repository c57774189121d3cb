"""``python -m belonging_study``."""

from belonging_study.cli import main

if __name__ == "__main__":
    main()
