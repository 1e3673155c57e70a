"""Published systems as their papers model them, to be set beside what is built and measured here."""
