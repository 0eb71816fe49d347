"""Pictures against their references, and that the comparison sees what is missing."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from tests.support.pictures import (
    FOLDER,
    LIMIT,
    SCENES,
    distance,
    figure_of,
    pixels_of,
    reference,
)
from yolo_losses.plot import matches, similarities, style

each_scene = pytest.mark.parametrize("name", SCENES)


@each_scene
def test_as_the_reference(name):
    assert distance(pixels_of(figure_of(name)), reference(name)) < LIMIT


def test_one_file_a_scene_and_small():
    sizes = {path.stem: path.stat().st_size for path in FOLDER.iterdir()}
    assert sizes.keys() == SCENES.keys()
    assert max(sizes.values()) < 20_000


@each_scene
def test_an_artist_that_is_missing_is_seen(name):
    """Each that changes a pixel: lines, patches, dots, arrows, hatching."""
    figure, wanted, seen = figure_of(name), reference(name), 0
    whole = pixels_of(figure)
    for artist in artists(figure):
        artist.set_visible(False)
        without = pixels_of(figure)
        artist.set_visible(True)
        if (without != whole).any():
            assert distance(without, wanted) > LIMIT, artist
            seen += 1
    assert seen > 0


def artists(figure):
    """Of all axes, those within others as well."""
    every = [ax for outer in figure.axes for ax in (outer, *outer.child_axes)]
    return [a for ax in every for a in (*ax.patches, *ax.lines, *ax.collections)]


MISSING = [
    ("assignment-v3", matches, "ignored"),
    ("assignment-v3", matches, "priors"),
    ("assignment-v3", matches, "cells"),
    ("assignment-v3", matches, "truths"),
    ("assignment-v3", matches, "_marks"),
    ("assignment-v4", matches, "_marks"),
    ("similarity-field-iou", similarities, "_arrows"),
    ("similarity-field-iou", similarities, "_flat"),
    ("similarity-field-ciou", similarities, "_arrows"),
]


@pytest.mark.parametrize(("name", "module", "part"), MISSING)
def test_a_part_that_is_left_out_is_seen(name, module, part, monkeypatch):
    monkeypatch.setattr(module, part, lambda *args, **kwargs: args[-1])
    assert distance(pixels_of(figure_of(name)), reference(name)) > 2 * LIMIT


@pytest.mark.parametrize("name", ["assignment-v3", "detections"])
def test_heads_in_other_hues_are_seen(name, monkeypatch):
    hues = dict(zip(style.HUES, style.HUES[1:] + style.HUES[:1], strict=True))
    for module in ("matches", "boxes"):
        monkeypatch.setattr(f"yolo_losses.plot.{module}.hue", lambda k: hues[style.hue(k)])
    assert distance(pixels_of(figure_of(name)), reference(name)) > 2 * LIMIT


@each_scene
def test_rounding_of_colours_is_not_seen(name):
    noise = np.random.default_rng(0).integers(-4, 5, (200, 300, 3))
    assert 0 < distance(reference(name) + noise, reference(name)) < LIMIT / 2
