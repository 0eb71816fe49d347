"""What a loss sums, its gradient, and where a NaN goes: one test for each point that versions share.

Grids and anchors as in `test_readings_common`.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.test_readings_common import (
    CELL,
    EACH,
    MIDDLE,
    NAN,
    ODD,
    V1,
    V2,
    V3,
    V4,
    assert_same,
    both,
    found,
    of_heads,
    on,
    terms,
    truths,
    two_heads,
    version,
    zeros,
)

# Gradient.


@on("config", [replace(V1, lambda_coord=0), replace(V2, lambda_coord=0)], ids=["v1", "v2"])
def test_the_iou_target_is_constant_for_the_gradient(config):
    """The objectness depends on the box, its gradient does not."""
    raw = zeros(config)
    raw[0, 1, 1, ..., 2:4] = -0.5
    small, grads = both(config, truths(ODD), raw)
    assert small.obj.item() != terms(config, truths(ODD)).obj.item()
    assert not grads[0][0, 1, 1, ..., :4].any()
    assert grads[0][0, 1, 1, ..., 4].all()


@on("config", [V1, V2, V3, replace(V4, similarity="diou")], ids=["v1", "v2", "v3", "v4"])
def test_the_gradient_is_that_of_the_total_with_the_constants_held(config):
    """Differences of the total; for the boxes of v1 and v2 without obj, whose IOU is constant."""
    raw = zeros(config, grid=(2, 2))
    for x in of_heads(raw):
        x.flat[:] = np.sin(np.arange(x.size))
    held = {V1: [0, 1, 2, 3, 5, 6, 7, 8], V2: [0, 1, 2, 3]}.get(config, [])
    for x, grad in zip(of_heads(raw), both(config, truths(ODD), raw)[1], strict=True):
        for at in np.ndindex(x.shape):
            t, values = x[at], []
            for step in (1e-6, -1e-6, 0):
                x[at] = t + step
                got = version(config).loss(raw, truths(ODD), config)
                values.append((got.total - got.obj[:, 0] * (at[-1] in held)).item())
            assert grad[at] == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6, abs=1e-7)


# NaN.


@EACH
def test_nan_stays_in_its_image(config):
    raw = zeros(config, n=2)
    clean, clean_grads = both(config, truths(ODD, n=2), raw)
    of_heads(raw)[0][0, 2, 3, ..., 4] = NAN
    got, grads = both(config, truths(ODD, n=2), raw)
    assert np.isnan(got.noobj[0]).all() and np.isnan(got.total[0])
    assert_same(type(got)(*(v[1] for v in got)), type(got)(*(v[1] for v in clean)))
    np.testing.assert_array_equal(grads[0][1], clean_grads[0][1])


@EACH
def test_nan_in_any_field_of_an_objects_cell_is_in_the_total(config):
    for k in range(of_heads(zeros(config))[0].shape[-1]):
        raw = zeros(config)
        of_heads(raw)[0][0, 1, 1, ..., k] = NAN
        assert np.isnan(terms(config, truths(MIDDLE), raw).total).all(), f"field {k}"


@on("base", [V3, V4], ids=["v3", "v4"])
@on("by", ["prior", "shape", "prediction"])
def test_nan_objectness_is_not_hidden_by_an_ignore_rule(base, by):
    config = replace(base, anchors=(CELL, (1, 1)), masks=((0, 1),))
    config = replace(config, ignore_by=by, ignore_threshold=0.0)
    raw = zeros(config)
    raw[0][0, 1, 1, 1, 4] = NAN
    assert found(config, truths(MIDDLE), raw)[0].ignored[0, 1, 1, 1]
    assert np.isnan(terms(config, truths(MIDDLE), raw).noobj).all()


# Sums.


@EACH
def test_a_loss_is_not_divided_by_the_number_of_images(config):
    one, three = terms(config, truths(ODD)), terms(config, truths(ODD, n=3), zeros(config, n=3))
    assert_same(type(one)(*(np.repeat(v, 3, axis=0) for v in one)), three)
    assert three.total.shape == (3,)


@EACH
def test_a_loss_is_not_divided_by_the_number_of_objects(config):
    """The same box again, two cells on: three terms double."""
    again = (ODD[0] + 0.5, *ODD[1:])
    one, two = terms(config, truths(ODD)), terms(config, truths(ODD, again))
    for name in ("box", "obj", "cls"):
        assert getattr(two, name).item() == pytest.approx(2 * getattr(one, name).item(), rel=1e-12)
        assert getattr(one, name).item() > 0


@EACH
def test_a_loss_is_not_divided_by_the_number_of_cells(config):
    one = terms(config, truths())
    twice = terms(config, truths(), zeros(config, grid=(4, 8)))
    assert twice.noobj.item() == pytest.approx(2 * one.noobj.item()) and one.noobj.item() > 1


@on("base", [V3, V4], ids=["v3", "v4"])
def test_a_loss_is_not_divided_by_the_number_of_heads(base):
    config = two_heads(base)
    got = terms(config, truths(), zeros(config, grid=(2, 2)))
    np.testing.assert_allclose(got.noobj, [[4 * math.log(2), 16 * math.log(2)]], rtol=1e-14)
    assert got.total.item() == pytest.approx(20 * math.log(2), rel=1e-14)


@on("config", [V1, V2, two_heads(V3), two_heads(V4)], ids=["v1", "v2", "v3", "v4"])
def test_the_total_is_the_sum_of_the_terms(config):
    got = terms(config, truths(ODD), zeros(config, grid=(2, 2)))
    assert all(v.any() for v in got)
    assert got.total.item() == pytest.approx(sum(v.sum() for v in got), rel=1e-14)


WEIGHTS = [
    (V1, "coord", "box"), (V1, "noobj", "noobj"),
    (V2, "coord", "box"), (V2, "obj", "obj"), (V2, "noobj", "noobj"), (V2, "class", "cls"),
    (V3, "coord", "box"), (V3, "obj", "obj noobj"), (V3, "class", "cls"),
    (V4, "coord", "box"), (V4, "obj", "obj noobj"), (V4, "class", "cls"),
]  # fmt: skip


@on(
    "config, weight, names", WEIGHTS, ids=[f"{version(c).__name__[-2:]}-{w}" for c, w, _ in WEIGHTS]
)
def test_terms_are_weighted_by_their_lambda(config, weight, names):
    one = terms(config, truths(ODD))
    name = f"lambda_{weight}"
    got = terms(replace(config, **{name: 4 * getattr(config, name)}), truths(ODD))
    for term in one._fields:
        factor = 4 if term in names.split() else 1
        assert getattr(got, term).item() == pytest.approx(factor * getattr(one, term).item())
