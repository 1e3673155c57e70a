"""The RTL of what follows a matrix product, lane by lane."""
