"""`python -m hub.simulators`."""

from hub.simulators.app import main

if __name__ == "__main__":
    main()
