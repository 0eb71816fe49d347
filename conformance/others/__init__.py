"""The vectors on other people's packages: a survey of functions that compute the same things.

A table of functions a package. A function stands in it with the cases
that its documentation says it answers; what was found is in `conformance/BUGS.md`.
"""
