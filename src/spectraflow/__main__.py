"""`python -m spectraflow` is the `spectraflow` command."""

from spectraflow.cli import main

main()
