"""Checks of tables and indexes; see scripts/check-tables."""
