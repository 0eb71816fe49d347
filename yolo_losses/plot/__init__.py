"""Matplotlib pictures of boxes, assignments, losses and formulas.

Every function takes the axes to draw on (None: the current ones of pyplot) and returns them; those
that need several take and return a figure. Arrays may be of any library. matplotlib is imported
when a function is called.

On photographs all coordinates are fractions of the picture, x to the right and y downwards. Hue
says which head, style says which role:

| role                        | style                                  |
|-----------------------------|----------------------------------------|
| truth                       | broad white line, dark edge            |
| decoded box                 | thin line, hue of its head             |
| responsible cell            | filled, hue of its head                |
| prior, centred on its cell  | dashed, hue of its head                |
| ignored priors of a cell    | dot, hue of the head, larger for more  |
| lost to another truth       | fat cross on the truth, hue of the head |
| truth that no head takes    | white ring                             |
| invalid truth               | dotted, clipped, white cross           |
| cells of the coarsest head  | hair lines                             |
"""

from .bars import terms
from .boxes import detections, grid, names, outlines, photograph, truths
from .decoding import offset_curves, size_curves
from .errors import error_map, error_maps
from .legends import BASIC, COMPLETE, legend
from .matches import assignment, cells, ignored, predictions, priors
from .runs import curves, trace
from .similarities import similarity_curves, similarity_field, similarity_fields, slope_curves
from .style import CASING, DASHES, HUES, INK, LINE_HUES, PAPER, TERM_HUES, TRUTH

__all__ = [
    "BASIC",
    "CASING",
    "COMPLETE",
    "DASHES",
    "HUES",
    "INK",
    "LINE_HUES",
    "PAPER",
    "TERM_HUES",
    "TRUTH",
    "assignment",
    "cells",
    "curves",
    "detections",
    "error_map",
    "error_maps",
    "grid",
    "ignored",
    "legend",
    "names",
    "offset_curves",
    "outlines",
    "photograph",
    "predictions",
    "priors",
    "similarity_curves",
    "similarity_field",
    "similarity_fields",
    "size_curves",
    "slope_curves",
    "terms",
    "trace",
    "truths",
]
