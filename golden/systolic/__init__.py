"""Systolic arrays: the matrix unit, its schedules and its exact cycle counts."""
