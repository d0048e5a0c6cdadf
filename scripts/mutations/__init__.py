"""Captures that were changed by chance, and the ways in which each is read.

    change   one changed capture, from a seed and a number alone
    reading  the program's runs on it, and what must be the same in all of them
"""
