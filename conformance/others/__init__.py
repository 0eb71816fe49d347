"""The vectors on other people's packages: a survey of functions that compute the same things.

One table of functions a package, in a module of its own. A function stands in a table with the cases
that its documentation says it answers; what was found is in `conformance/BUGS.md`.
"""
