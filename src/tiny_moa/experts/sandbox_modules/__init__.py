"""Modules of Python's library that the sandbox's interpreter lacks, written again in the Python it knows.

Each file stands for the module of its name, or for what the interpreter's own module of that name lacks. They are put in front
of programs as text and never imported by the server. What they lack too is not there, so that a program that wants it is
refused. No inheritance, generators, `del` or decorated methods: the interpreter has none.
"""
