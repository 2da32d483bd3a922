"""`python -m clicktrail` is `clicktrail`."""

from clicktrail.cli import main

if __name__ == "__main__":
    main()
