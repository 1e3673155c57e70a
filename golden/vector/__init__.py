"""Vector units: what follows a matrix product, lane by lane."""
