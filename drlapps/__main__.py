"""``python -m drlapps``."""

from drlapps.cli import main

main()
