"""`python -m systola`."""

from systola.start import main

main()
