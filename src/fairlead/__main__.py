"""`python -m fairlead`: the command line, where no script of that name is on the path."""

from fairlead.cli.main import main

if __name__ == "__main__":
    main()
