"""Captures that ask for more than they give, and what a run of the program takes for them.

    hostile  the captures, written in pieces
    measure  one run: exit code, time, memory
"""
