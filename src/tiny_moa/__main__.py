"""`python -m tiny_moa` is the command line."""

from tiny_moa.cli import main

if __name__ == "__main__":
    main()
