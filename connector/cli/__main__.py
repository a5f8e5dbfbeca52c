"""`python -m connector.cli`: the same as the command `paylayer`."""

from connector.cli.main import main

main()
