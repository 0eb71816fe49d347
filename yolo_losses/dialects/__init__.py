"""Programs that people trained with, and what they compute instead of the formula.

Each module restates the rules of one program, on every array library, and says in its docstring
where it departs from the formula of its version. `README.md` beside this file sets them side by
side, term by term.
"""
