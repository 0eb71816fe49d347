"""cfg files: what they become, what does nothing, and how they fail."""

from pathlib import Path

import numpy as np
import pytest

from yolo_losses import cfg, presets, v1, v2, v3, v4
from yolo_losses.dialects import alexeyab_v4, darknet_v3

SIX = "10,14, 23,27, 37,58, 81,82, 135,169, 344,319"
NET = "[net]\nbatch=64\nsubdivisions=8\nwidth=416\nheight=416\nchannels=3\n"


def conv(filters, stride=1, size=3):
    return f"[convolutional]\nfilters={filters}\nsize={size}\nstride={stride}\npad=1\n"


def two_heads(*yolo, k=80, masks=("3,4,5", "0,1,2"), anchors=SIX):
    """A backbone of stride 32, a head, and one at stride 16 by route, upsample and concatenation."""
    last = 3 * (5 + k)
    extra = "\n".join(yolo)

    def head(mask):
        return f"[yolo]\nmask = {mask}\nanchors = {anchors}\nclasses={k}\nnum=6\n{extra}\n"

    return "".join([
        NET, conv(8, 2), conv(8, 2), conv(8, 2), "[maxpool]\nsize=2\nstride=2\n",  # 0 … 3: 16
        conv(16), conv(16, 2), conv(16, 1, 1), conv(last, 1, 1), head(masks[0]),  # 4 … 8: 32
        "[route]\nlayers = -3\n", conv(8, 1, 1), "[upsample]\nstride=2\n",  # 9 … 11: 16
        "[route]\nlayers = -1, 4\n", "[shortcut]\nfrom=-1\nactivation=linear\n",
        conv(last, 1, 1), head(masks[1]),
    ])  # fmt: skip


# What they become.


def test_v3_of_two_heads():
    network = cfg.loads(two_heads("ignore_thresh = .7", "truth_thresh = 1", "jitter=.3"))
    assert (network.width, network.height, network.channels) == (416, 416, 3)
    assert (network.batch, network.subdivisions, network.classes) == (64, 8, 80)
    preset = v3.Config.tiny_coco()
    assert isinstance(network.config, v3.Config)
    for name in ("anchors", "masks", "strides"):
        assert getattr(network.config, name) == getattr(preset, name)
    assert network.config.ignore_threshold == 0.7
    assert network.config.ignore_by == "prediction"
    assert network.config.coord_iou_threshold is None
    first, second = network.layers
    assert (first.grid, first.stride, first.mask) == ((13, 13), 32, (3, 4, 5))
    assert (second.grid, second.stride, second.mask) == ((26, 26), 16, (0, 1, 2))
    assert second.config.masks == ((0, 1, 2),)
    assert second.config.strides == (16,)
    options = second.options["darknet_v3"]
    assert isinstance(options, darknet_v3.Options)
    assert (options.net_w, options.ignore_thresh, options.mask) == (416, 0.7, (0, 1, 2))
    assert isinstance(second.options["alexeyab_v4"], alexeyab_v4.Options)


def test_v4_of_two_heads():
    """Keys of AlexeyAB's program make it v4; the tiny preset comes out."""
    keys = (
        "scale_x_y=1.05", "iou_thresh=1.0", "iou_normalizer=0.07", "iou_loss=ciou",
        "ignore_thresh=.7", "cls_normalizer=1.0",
    )  # fmt: skip
    network = cfg.loads(two_heads(*keys, masks=("3,4,5", "1,2,3")))
    assert network.config == v4.Config(**presets.V4_TINY_COCO)
    options = network.layers[0].options["alexeyab_v4"]
    assert (options.scale_x_y, options.iou_loss, options.iou_normalizer) == (1.05, "ciou", 0.07)
    assert (options.iou_thresh, options.max_boxes) == (1.0, 200)


def test_the_dialect_and_the_formula_take_what_comes_out():
    network = cfg.loads(two_heads(k=2))
    rng = np.random.default_rng(0)
    heads = [rng.normal(size=(1, *layer.grid, 3, 7)) for layer in network.heads]
    truths = np.array([[(0.4, 0.5, 0.6, 0.7, 1)]])
    for x, layer in zip(heads, network.heads, strict=True):
        delta = darknet_v3.deltas(x, truths, layer.options["darknet_v3"]).delta
        assert delta.shape == x.shape
    assert len(v3.decode(heads, network.config)) == 2


def test_v2():
    text = NET + "".join(conv(8, 2) for _ in range(5)) + conv(2 * 25, 1, 1) + (
        "[region]\nanchors = 1.5,2, 3,4.25\nnum=2\nclasses=20\nsoftmax=1\nbias_match=1\n"
        "rescore=1\nobject_scale=5\nthresh=.6\n"
    )  # fmt: skip
    network = cfg.loads(text)
    assert network.config == v2.Config(anchors=[(48, 64), (96, 136)], stride=32)
    (layer,) = network.layers
    assert layer.grid == (13, 13)
    assert layer.options["darknet_v2"].anchors == ((1.5, 2), (3, 4.25))
    assert layer.options["alexeyab_v2"].object_scale == 5


def test_v1():
    text = NET.replace("416", "448") + conv(8, 64) + (
        "[connected]\noutput=637\n[detection]\nclasses=3\ncoords=4\nrescore=1\nside=7\nnum=2\n"
        "sqrt=1\nnoobject_scale=.5\ncoord_scale=5\n"
    )  # fmt: skip
    network = cfg.loads(text)
    assert network.config == v1.Config(num_boxes=2)
    options = network.layers[0].options["darknet_v1"]
    assert (options.side, options.num, options.classes, options.sqrt) == (7, 2, 3, 1)


def test_counters_become_weights():
    """The largest counter over that of each class."""
    network = cfg.loads(two_heads("counters_per_class=100,50,25", "iou_loss=giou", k=3))
    assert network.layers[0].options["alexeyab_v4"].classes_multipliers == (1, 2, 4)


def test_comments_and_blanks():
    text = two_heads().replace("width=416", "# a comment\n; another\n width = 4 1 6 ")
    assert cfg.loads(text).width == 416


def test_a_file(tmp_path):
    path = tmp_path / "my.cfg"
    path.write_text(two_heads())
    assert cfg.load(path) == cfg.load(str(path)) == cfg.loads(two_heads())


# What does nothing.


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (("truth_thresh = 1",), "truth_thresh"),
        (("jitter = .3",), "jitter"),
        (("cls_normalizer = 2", "iou_loss = ciou"), "cls_normalizer"),
        (("nms_kind = greedynms", "beta_nms = 0.6"), "beta_nms"),
        (("delta_normalizer = .5",), "delta_normalizer"),
        (("max_delta = 5", "iou_loss = mse"), "max_delta"),
        (("label_smooth_eps = .1", "focal_loss = 1"), "label_smooth_eps"),
    ],
)
def test_keys_without_effect_are_named(keys, name):
    network = cfg.loads(two_heads(*keys))
    for layer in network.layers:
        (remark,) = [r for r in layer.ineffective if r.key == name]
        assert remark.line > layer.line
    assert f"no effect: {network.layers[0].ineffective[0]}" in cfg.report(network)


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (("truth_thresh = .8",), "truth_thresh"),
        (("max_delta = 5", "iou_loss = ciou"), "max_delta"),
        (("cls_normalizer = 2", "counters_per_class = " + ",".join("1" * 80)), "cls_normalizer"),
    ],
)
def test_keys_with_an_effect_are_not(keys, name):
    for layer in cfg.loads(two_heads(*keys)).layers:
        assert name not in [r.key for r in layer.ineffective]


def test_unknown_keys_are_listed():
    text = two_heads("ignore_tresh = .7")
    network = cfg.loads(text)
    assert [r.key for r in network.unknown] == ["ignore_tresh", "ignore_tresh"]
    lines = text.splitlines()
    assert all(lines[r.line - 1].startswith("ignore_tresh") for r in network.unknown)
    assert "unknown: " in cfg.report(network)


def test_a_key_twice_is_remarked_upon():
    network = cfg.loads(two_heads("ignore_thresh = .6", "ignore_thresh = .7"))
    assert network.config.ignore_threshold == 0.6
    assert any(r.key == "ignore_thresh" for r in network.layers[0].notes)


def test_mse_is_remarked_upon():
    network = cfg.loads(two_heads("iou_loss = mse", "scale_x_y = 1.1"))
    assert network.config.similarity == "ciou"
    assert any(r.key == "iou_loss" for r in network.layers[0].notes)


# How they fail.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("width=3", "line 1: .*before any section"),
        ("[net]\nwidth=32\nheight=32\nfoo", "line 4: .*'='"),
        ("[net]\nheight=32", "line 1: .*width"),
        ("[net]\nwidth=x\nheight=3", "line 2: width must be a number, got 'x'"),
        (NET + conv(8), "has no .*section"),
        (two_heads(masks=("3,4,9", "0,1,2")), "line [0-9]+: mask must name anchors"),
        (two_heads(anchors="1,2,3"), r"line [0-9]+: anchors must hold 2 · num = 12"),
        (two_heads().replace("layers = -3", "layers = -30"), "line [0-9]+: "),
        (two_heads(k=79).replace("classes=79", "classes=80"), "line [0-9]+: "),
        ("\x00\x01\x02binary", "line 1|binary|text"),
    ],
)
def test_malformed_files_are_named_by_line(text, message):
    with pytest.raises(ValueError, match=f"cfg.loads: .*{message}|cfg.loads: {message}"):
        cfg.loads(text)


def test_a_file_is_named(tmp_path):
    path = tmp_path / "broken.cfg"
    path.write_text("[net]\nwidth=32\nheight=32\nfoo")
    with pytest.raises(ValueError, match=r"cfg.load: broken.cfg line 4: "):
        cfg.load(path)
    with pytest.raises(OSError, match=r"none\.cfg"):
        cfg.load(Path(tmp_path / "none.cfg"))


def test_what_is_no_text():
    with pytest.raises(TypeError, match=r"cfg\.loads: text must be a str"):
        cfg.loads(b"[net]")
