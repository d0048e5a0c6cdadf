"""Runs two builds of the program on the same captures and compares everything they produce."""
