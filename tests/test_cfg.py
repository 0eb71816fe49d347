"""cfg files of darknet."""

import dataclasses
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from yolo_losses import cfg, pad_targets, v1, v2, v3, v4
from yolo_losses.dialects import alexeyab_v2, alexeyab_v4, darknet_v1, darknet_v2, darknet_v3

FOLDER = Path(__file__).parent / "support" / "cfg"
FILES = sorted(FOLDER.glob("*.cfg"))
TEXT = {path.stem: path.read_text(encoding="utf-8") for path in FILES}


def load(name):
    return cfg.load(FOLDER / f"{name}.cfg")


def changed(name, *edits):
    """A file with texts replaced wherever they stand."""
    text = TEXT[name]
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


def keys(remarks):
    return [remark.key for remark in remarks]


def line_of(text, part):
    """The first line that holds a text."""
    return next(k for k, line in enumerate(text.split("\n"), 1) if part in line)


def net(*layers, width=416, height=416):
    head = f"[net]\nwidth={width}\nheight={height}\nchannels=3\n"
    return head + "\n".join(layers) + "\n"


HEAD = "[convolutional]\nfilters=18\n[yolo]\nnum=3\nclasses=1\nanchors=1,1,2,2,3,3"


def grid_behind(*layers, width=416, height=416):
    (head,) = cfg.loads(net(*layers, HEAD, width=width, height=height)).layers
    return (*head.grid, head.stride)


# The published layouts.


@pytest.mark.parametrize(
    ("name", "preset"),
    [
        ("heads3", v3.Config.coco()),
        ("tiny3", v3.Config.tiny_coco()),
        ("heads4", v4.Config.coco()),
        ("tiny4", v4.Config.tiny_coco()),
        ("region", v2.Config.voc()),
        ("cells", v1.Config.voc()),
    ],
)
def test_layouts_are_those_of_the_presets(name, preset):
    found = load(name).config
    assert type(found) is type(preset)
    differing = {
        f.name
        for f in dataclasses.fields(preset)
        if getattr(found, f.name) != getattr(preset, f.name)
    }
    own = {"coord_iou_threshold", "ignore_threshold", "ignore_by"}  # of v3's program
    assert differing == (own if isinstance(preset, v3.Config) else set())


def test_version_3():
    n = load("heads3")
    assert (n.width, n.height, n.channels, n.batch, n.subdivisions) == (416, 416, 3, 8, 2)
    assert n.classes == 4
    assert [layer.grid for layer in n.layers] == [(13, 13), (26, 26), (52, 52)]
    assert [layer.version for layer in n.layers] == ["v3"] * 3
    assert n.config.coord_iou_threshold is None
    assert (n.config.ignore_threshold, n.config.ignore_by) == (0.7, "prediction")
    assert n.notes == n.unknown == ()
    first = n.layers[0]
    assert first.config == dataclasses.replace(n.config, masks=((6, 7, 8),), strides=(32,))
    assert keys(first.ineffective) == ["jitter", "truth_thresh", "random"]
    assert first.options == {
        "darknet_v3": darknet_v3.Options(
            n.config.anchors, (6, 7, 8), 416, 416, ignore_thresh=0.7, classes=4,
            grid_h=13, grid_w=13,
        ),
        "alexeyab_v4": alexeyab_v4.Options(
            n.config.anchors, (6, 7, 8), 416, 416, ignore_thresh=0.7, classes=4,
            grid_h=13, grid_w=13,
        ),
    }  # fmt: skip


def test_version_4():
    n = load("heads4")
    assert [layer.grid for layer in n.layers] == [(52, 76), (26, 38), (13, 19)]
    assert [layer.stride for layer in n.heads] == [32, 16, 8]
    assert [layer.mask for layer in n.heads] == list(n.config.masks)
    fine = n.layers[0]
    assert fine.config.scale_xy == (1.2,)
    assert fine.options["alexeyab_v4"] == alexeyab_v4.Options(
        n.config.anchors, (0, 1, 2), 608, 416, ignore_thresh=0.7, classes=4, scale_x_y=1.2,
        iou_thresh=0.213, iou_normalizer=0.07, iou_loss="ciou", max_delta=5, grid_h=52, grid_w=76,
    )  # fmt: skip
    assert keys(fine.notes) == ["max_delta"]
    assert {"cls_normalizer", "beta_nms", "nms_kind", "truth_thresh"} < set(keys(fine.ineffective))


def test_version_2():
    n = load("region")
    (layer,) = n.layers
    assert (layer.grid, layer.stride, layer.mask) == ((13, 13), 32, (0, 1, 2, 3, 4))
    cells = tuple((w / 32, h / 32) for w, h in layer.anchors)
    ones = dict.fromkeys(("softmax", "rescore", "bias_match"), 1)
    given = {**ones, "thresh": 0.6, "object_scale": 5.0, "classes": 20}
    for name, dialect in (("darknet_v2", darknet_v2), ("alexeyab_v2", alexeyab_v2)):
        assert layer.options[name] == dialect.Options(cells, **given, grid_h=13, grid_w=13)
    assert keys(layer.ineffective) == ["jitter", "absolute", "random"]
    assert keys(layer.notes) == ["thresh", "seen"]


def test_version_1():
    n = load("cells")
    (layer,) = n.layers
    assert (layer.grid, layer.stride, layer.anchors, layer.mask) == ((7, 7), 64, (), ())
    assert layer.options["darknet_v1"] == darknet_v1.Options(
        num=2, classes=20, rescore=1, sqrt=1, coord_scale=5, noobject_scale=0.5
    )
    assert keys(layer.notes) == ["softmax"]


@pytest.mark.parametrize("name", ["heads3", "heads4", "tiny4"])
def test_config_and_grids_serve_the_loss(name):
    """Raw outputs of the reported grids pass the checks of the formula."""
    n = load(name)
    version = {"v3": v3, "v4": v4}[n.layers[0].version]
    rng = np.random.default_rng(0)
    raw = [rng.normal(size=(1, *h.grid, len(h.mask), 5 + n.classes)) for h in n.heads]
    targets = pad_targets([np.array([[0.5, 0.5, 0.2, 0.3]])], [np.array([1])])
    assert np.isfinite(version.loss(raw, targets, n.config).total).all()


def test_text_and_file_are_the_same(tmp_path):
    path = tmp_path / "a.cfg"
    text = TEXT["heads4"]
    for data in (text, "\ufeff" + text, text.replace("\n", "\r\n"), text.replace("=", " = ")):
        path.write_bytes(data.encode())
        assert cfg.load(path) == cfg.load(str(path)) == cfg.loads(data) == load("heads4")
    path.write_bytes(b"# \xc0\xe9 in another encoding\n" + text.encode())
    assert cfg.load(path).config == load("heads4").config


# Layers.


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([], (416, 416, 1)),
        (["[conv]\nsize=3\nstride=2\npad=1"], (208, 208, 2)),
        (["[convolutional]\nsize=3\nstride=2\npadding=1"], (208, 208, 2)),
        (["[convolutional]\nsize=4\nstride=4"], (104, 104, 4)),
        (["[convolutional]\nsize=3\nstride_x=2\nstride_y=2\npad=1"], (208, 208, 2)),
        (["[maxpool]\nstride=2"], (208, 208, 2)),
        (["[max]\nsize=3\nstride=2"], (208, 208, 2)),
        (["[maxpool]\nsize=2\nstride=1"], (416, 416, 1)),
        (["[maxpool]\nsize=2\nstride=2\npadding=0", "[upsample]"], (416, 416, 1)),
        (["[maxpool]\nmaxpool_depth=1\nout_channels=4\nstride=8"], (416, 416, 1)),
        (["[local_avgpool]\nsize=2\nstride=2"], (208, 208, 2)),
        (["[reorg]\nstride=2"], (208, 208, 2)),
        (["[reorg]\nstride=4", "[reorg]\nstride=2\nreverse=1"], (208, 208, 2)),
        (["[upsample]\nstride=2"], (832, 832, 0.5)),
        (["[maxpool]\nstride=4", "[deconvolutional]\nsize=2\nstride=2"], (208, 208, 2)),
        (["[local]\nsize=3\nstride=2\npad=1"], (208, 208, 2)),
        (["[local]\nsize=4\nstride=4"], (104, 104, 4)),
        (["[dropout]", "[batchnorm]", "[cost]\ntype=sse", "[activation]"], (416, 416, 1)),
        (["[avgpool]"], (1, 1, 416)),
        (["[connected]\noutput=9"], (1, 1, 416)),
        (["[maxpool]\nstride=2", "[maxpool]\nstride=2", "[route]\nlayers=-2"], (208, 208, 2)),
        (["[maxpool]\nstride=2", "[maxpool]\nstride=2", "[route]\nlayers=0"], (208, 208, 2)),
        (["[maxpool]\nstride=2", "[dropout]", "[shortcut]\nfrom=-2"], (208, 208, 2)),
        (["[maxpool]\nstride=2", "[dropout]", "[sam]\nfrom=-2"], (208, 208, 2)),
        (
            ["[maxpool]\nstride=2", "[avgpool]", "[conv]", "[scale_channels]\nfrom=-3"],
            (208, 208, 2),
        ),
    ],
)  # fmt: skip
def test_grids_and_strides(layers, expected):
    assert grid_behind(*layers) == expected


def test_odd_sizes():
    down = ["[convolutional]\nsize=3\nstride=2\npad=1"]
    assert grid_behind(*down * 5, width=608, height=416) == (13, 19, 32)
    assert grid_behind(*down * 5, width=600, height=416) == (13, 19, 32)
    n = cfg.loads(net(*down * 5, HEAD, width=600))
    assert "608 × 416 pixels, the network input 600 × 416" in str(n.layers[0].notes[0])
    assert grid_behind("[convolutional]\nsize=3\nstride=2", width=2, height=2)[:2] == (1, 1)


def test_crop_changes_the_grid():
    n = cfg.loads(net("[crop]\ncrop_width=320\ncrop_height=320", "[maxpool]\nstride=32", HEAD))
    assert n.layers[0].grid == (10, 10)
    assert "320 × 320" in n.layers[0].notes[0].text


def test_channels_of_routes():
    """Concatenated, divided into groups, and by the square of a reorg's stride."""
    head = HEAD.replace("[convolutional]\nfilters=18\n", "")
    six = "[convolutional]\nfilters=6"
    for layers in (
        [six, six, six, "[route]\nlayers=0,1,-1"],
        [six, six, "[route]\nlayers=0,-1", "[route]\nlayers=0,1,2,-1\ngroups=2"],
        ["[convolutional]\nfilters=2", "[maxpool]\nstride=2", "[reorg]\nstride=3"],
    ):
        assert cfg.loads(net(*layers, head)).layers[0].classes == 1


def test_a_layer_that_is_not_known_matters_where_a_head_needs_it():
    aside = net("[maxpool]\nstride=2", "[strange]\nsize=1", "[dropout]", "[route]\nlayers=0", HEAD)
    n = cfg.loads(aside)
    assert n.layers[0].grid == (208, 208)
    assert [str(note) for note in n.notes] == ["line 7: [strange]: is no layer that is known here"]
    message = r"line 8: the grid of \[yolo\] is not known: what \[strange\] in line 5 puts out"
    with pytest.raises(ValueError, match=message):
        cfg.loads(net("[strange]", HEAD))


# Which program.


def test_a_key_of_the_newer_program_makes_version_4():
    for key in ("scale_x_y=1", "iou_loss=mse", "iou_thresh=1", "iou_normalizer=1", "max_delta=5",
                "label_smooth_eps=0", "counters_per_class=1"):  # fmt: skip
        assert cfg.loads(net(HEAD, key)).layers[0].version == "v4"
    for key in ("nms_kind=greedynms", "resize=1", "max=10", "focal=1"):
        assert cfg.loads(net(HEAD, key)).layers[0].version == "v3"
    both = cfg.loads(net(HEAD, "scale_x_y=1.1", HEAD))
    assert [layer.version for layer in both.layers] == ["v4", "v4"]
    assert both.config.scale_xy == (1.1, 1)


def test_defaults_are_those_of_the_program():
    config = cfg.loads(net(HEAD, "iou_loss=giou")).config
    assert (config.lambda_coord, config.lambda_obj, config.lambda_class) == (0.75, 1, 1)
    assert (config.assign_iou_threshold, config.ignore_threshold) == (1, 0.5)
    assert (config.similarity, config.label_smoothing, config.scale_xy) == ("giou", 0, (1,))
    region = "[convolutional]\nfilters=25\n[region]"
    (layer,) = cfg.loads(net(region)).layers
    assert layer.classes == 20
    assert layer.options["darknet_v2"].anchors == ((0.5, 0.5),)
    assert {"anchors", "rescore", "softmax", "bias_match"} < set(keys(layer.notes))


def test_keys_of_version_4():
    keys_given = (
        "iou_thresh=.3 iou_normalizer=.5 obj_normalizer=.4 cls_normalizer=.6 scale_x_y=1.3 "
        "label_smooth_eps=.1 ignore_thresh=.65 iou_loss=diou"
    )
    config = cfg.loads(net(HEAD, keys_given.replace(" ", "\n"))).config
    assert config == v4.Config(
        anchors=((1, 1), (2, 2), (3, 3)), masks=((0, 1, 2),), strides=(1,), scale_xy=(1.3,),
        lambda_coord=0.5, lambda_obj=0.4, lambda_class=0.6, assign_iou_threshold=0.3,
        ignore_threshold=0.65, ignore_by="prediction", similarity="diou", label_smoothing=0.1,
    )  # fmt: skip


def test_keys_of_version_2():
    edits = [
        ("object_scale=5\nnoobject_scale=1", "object_scale=3\nnoobject_scale=.5"),
        ("class_scale=1\ncoord_scale=1", "class_scale=.5\ncoord_scale=1.5"),
    ]
    config = cfg.loads(changed("region", *edits)).config
    assert (config.lambda_class, config.lambda_coord) == (0.5, 1.5)
    assert (config.lambda_obj, config.lambda_noobj) == (3, 0.5)


@pytest.mark.parametrize(("name", "limit"), [("darknet_v2", 30), ("alexeyab_v2", 7)])
def test_max_is_read_by_one_region_layer_alone(name, limit):
    (layer,) = cfg.loads(TEXT["region"] + "max=7\n").layers
    assert layer.options[name].max_boxes == limit


def test_counters_weigh_classes():
    text = net(HEAD.replace("18", "24").replace("classes=1", "classes=3"))
    n = cfg.loads(text + "counters_per_class=100, 50, 400\ncls_normalizer=.5\n")
    layer = n.layers[0]
    assert layer.options["alexeyab_v4"].classes_multipliers == (4, 8, 1)
    assert "cls_normalizer" not in keys(layer.ineffective)
    assert "counters_per_class" in keys(layer.notes)
    for wrong in ("1,2", "1,2,0", "1,2,3,4"):
        with pytest.raises(ValueError, match="counters_per_class must hold 3 numbers > 0"):
            cfg.loads(text + f"counters_per_class={wrong}\n")


@pytest.mark.parametrize(
    ("given", "idle"),
    [
        ("cls_normalizer=2", "cls_normalizer"),
        ("truth_thresh=1", "truth_thresh"),
        ("iou_loss=ciou\nnms_kind=greedynms\nbeta_nms=.6", "nms_kind beta_nms"),
        ("iou_loss=ciou\nbeta_nms=.6", "beta_nms"),
        ("nms_kind=diounms\nbeta_nms=.6", "nms_kind beta_nms"),
        ("iou_loss=ciou\ndelta_normalizer=2", "delta_normalizer"),
        ("max_delta=2", "max_delta"),
        ("iou_loss=giou\nmax_delta=2", ""),
        ("focal_loss=1\nlabel_smooth_eps=.1", "label_smooth_eps"),
        ("label_smooth_eps=.1", ""),
        ("focal_loss=1\ncounters_per_class=2", "counters_per_class"),
        ("iou_loss=ciou\ncounters_per_class=2\ncls_normalizer=.5", ""),
        ("focal_loss=1\ncls_normalizer=2", "cls_normalizer"),
        ("iou_thresh_kind=giou", "iou_thresh_kind"),
        ("iou_thresh_kind=giou\niou_thresh=.2", ""),
        ("jitter=.1\nrandom=1\nresize=2", "jitter random resize"),
    ],
)
def test_keys_without_effect(given, idle):
    (layer,) = cfg.loads(net(HEAD, given)).layers
    assert keys(layer.ineffective) == idle.split()
    assert all(remark.line > 8 for remark in layer.ineffective)


@pytest.mark.parametrize(
    ("given", "noted"),
    [
        ("truth_thresh=.9", "truth_thresh"),
        ("iou_thresh=.2", "iou_loss"),
        ("iou_loss=ciou\nobjectness_smooth=1\nfocal_loss=1\nnew_coords=1",
         "objectness_smooth focal_loss new_coords"),
        ("iou_loss=ciou\ncls_normalizer=.5", "cls_normalizer"),
        ("iou_loss=ciou\nmax=10", "max"),
        ("iou_loss=iou\niou_thresh=.3\niou_thresh_kind=giou", "iou_thresh_kind"),
    ],
)  # fmt: skip
def test_what_the_formula_has_no_option_for(given, noted):
    (layer,) = cfg.loads(net(HEAD, given)).layers
    assert keys(layer.notes) == noted.split()


@pytest.mark.parametrize(
    ("edit", "noted"),
    [
        (("rescore=1", "rescore=0"), "rescore"),
        (("sqrt=1", "sqrt=0"), "sqrt"),
        (("class_scale=1", "class_scale=2"), "class_scale"),
        (("object_scale=1", "object_scale=2"), "object_scale"),
        (("jitter", "forced=1\nrandom=1\njitter"), "forced"),
        (("coords=4\n", ""), "coords"),
    ],
)
def test_what_formula_1_has_no_option_for(edit, noted):
    (layer,) = cfg.loads(changed("cells", edit)).layers
    assert noted in keys(layer.notes)


def test_anchors_of_a_region_that_look_like_pixels():
    (layer,) = cfg.loads(changed("region", ("11.2364", "359.5648"))).layers
    assert "are they pixels?" in next(n for n in layer.notes if n.key == "anchors").text
    assert layer.anchors[-1][0] == 359.5648 * 32


def test_gaussian_heads():
    text = net(HEAD.replace("[yolo]", "[Gaussian_yolo]").replace("18", "30"), "uc_normalizer=1")
    (layer,) = cfg.loads(text).layers
    assert (layer.kind, layer.version, layer.options) == ("Gaussian_yolo", "v4", {})
    assert "spread" in layer.notes[0].text
    assert layer.unknown == ()


# The whole network.


def test_scalars_that_differ_from_head_to_head():
    n = cfg.loads(TEXT["heads4"] + "obj_normalizer=.5\n")
    assert n.config.lambda_obj == 0.5  # of the coarsest, which is the last in this file
    assert "lambda_obj differs from head to head (1, 1, 0.5)" in n.notes[0].text


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (HEAD.replace("3,3", "4,4"), "anchors differ"),
        (HEAD.replace("18", "21").replace("classes=1", "classes=2"), "classes differ"),
        ("[convolutional]\nfilters=6\n[region]\nclasses=1", "no one formula"),
    ],
)
def test_networks_without_one_config(second, why):
    n = cfg.loads(net(HEAD, second))
    assert n.config is None
    assert why in n.notes[0].text
    assert all(layer.config for layer in n.layers)


def test_unknown_and_repeated_keys():
    text = net(
        "[convolutional]\nfilers=3\nsize=1\nsize=3", HEAD, "ignore_tresh=.7\nclasses=5\nseen=3"
    )
    n = cfg.loads(text)
    (layer,) = n.layers
    assert [(u.line, u.key) for u in n.unknown] == [
        (line_of(text, key), key) for key in ("filers", "ignore_tresh", "seen")
    ]
    assert keys(layer.unknown) == ["ignore_tresh", "seen"]
    assert str(n.notes[0]) == (
        "line 8: size: is given again; the value of line 7, the first, is taken"
    )
    assert (layer.classes, keys(layer.notes)) == (1, ["classes"])


def test_comments_behind_numbers_are_remarked_upon():
    (layer,) = cfg.loads(net(HEAD, "ignore_thresh = .6 # was .7")).layers
    assert layer.config.ignore_threshold == 0.6
    assert "comment has a line of its own" in layer.notes[0].text


def test_report():
    text = cfg.report(cfg.loads(TEXT["heads4"] + "strange=1\nmask=1\n"))
    assert text.startswith("608 × 416 × 3, K = 4, batch 8 / 2\n")
    assert "[yolo] v4, grid 52 × 76, stride 8, mask [0, 1, 2]" in text
    assert text.count("no effect: line") == 15
    assert re.search(r"unknown: line \d+: strange: is no key of \[yolo\]", text)


# What is no cfg file.


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("width=3\n[net]\n", 1, "'width=3' stands before any section"),
        ("# a\n[net]\nwidth\n", 3, "need '=' between them, got 'width'"),
        ("[net]\nwidth=\n", 2, "a key and a value are needed"),
        ("[net]\n=3\n", 2, "a key and a value are needed"),
        ("[net\nwidth=3\n", 1, r"a section must read \[name\]"),
        ("[]\n", 1, r"a section must read \[name\]"),
        ("[yolo]\nnum=3\n", 1, r"first section must be \[net\] or \[network\], got \[yolo\]"),
        ("[net]\nheight=3\nchannels=3\n", 1, r"\[net\] has no width"),
        ("[net]\nwidth=3\nchannels=3\n", 1, r"\[net\] has no height"),
        ("[net]\nwidth=3\nheight=3\n", 1, r"\[net\] has no channels"),
        ("[net]\nwidth=0\nheight=3\n", 2, "width must be a whole number ≥ 1, got 0"),
        ("[net]\nwidth=4x\nheight=3\n", 2, "width must be a number, got '4x'"),
        ("[net]\nwidth=4.5\nheight=3\n", 2, "width must be a whole number"),
        (f"[net]\nwidth={'9' * 5000}\n", 2, "width must be a whole number"),
        (net("[route]\nlayers=-1", HEAD), 6, "must name layers before this one, layer 0, got -1"),
        (net("[dropout]", "[route]\nlayers=-1,7", HEAD), 7, "layer 1, got 7"),
        (net("[route]", HEAD), 5, r"\[route\] has no layers"),
        (net("[shortcut]\nfrom=-9", HEAD), 6, "from must name layers before"),
        (net("[dropout]", "[maxpool]\nstride=2", "[route]\nlayers=0,1", HEAD), 8, "joins grids"),
        (net("[convolutional]\nsize=999", HEAD), 5, r"puts out -582 × -582 × 1"),
        (net("[convolutional]\nstride=0", HEAD), 6, "stride must be a whole number ≥ 1"),
        (net(HEAD.replace("3,3", "3")), 10, "anchors must hold 2 · num = 6 numbers, got 5"),
        (net(HEAD.replace("3,3", "3,3,4,4")), 10, "anchors must hold 2 · num = 6 numbers, got 8"),
        (net(HEAD.replace("3,3", "3,0")), 10, "anchors must be > 0"),
        (net(HEAD.replace("3,3", "3,a")), 10, "anchors must be a number, got 'a'"),
        (net(HEAD.replace("3,3", "3,3,")), 10, "anchors must be a number, got ''"),
        (net(HEAD, "mask=0,3"), 11, r"mask must name anchors 0 … 2 \(num = 3\), got 3"),
        (net(HEAD, "mask=0,1,1"), 11, "mask must name an anchor once, got 0, 1, 1"),
        (net(HEAD, "mask=0,1"), 7, r"takes 2·\(5 \+ 1\) = 12 values, the layer before it gives 18"),
        (net(HEAD, "ignore_thresh=high"), 11, "ignore_thresh must be a number, got 'high'"),
        (net(HEAD, "ignore_thresh=-1"), 7, "ignore_threshold must be a number from 0 to 1"),
        (net(HEAD, "iou_loss=siou"), 11, "iou_loss must be one of"),
        (net(HEAD, "focal_loss=2"), 11, "focal_loss must be 0 or 1"),
        (net("[convolutional]\nstride_x=2", HEAD), 9, "cells are 2 × 1 pixels"),
        (changed("region", ("coords=4", "coords=5")), 67, "coords must be 4, got 5"),
        (changed("region", ("=125", "=120")), 63, r"takes 5·\(5 \+ 20\) = 125 values"),
        (changed("cells", ("1470", "1000")), 39, r"takes 7²·\(2·5 \+ 20\) = 1470 values"),
    ],
)  # fmt: skip
def test_errors_name_the_line(text, line, message, tmp_path):
    with pytest.raises(ValueError, match=rf"^cfg\.loads: line {line}: .*{message}") as caught:
        cfg.loads(text)
    (tmp_path / "a.cfg").write_text(text, encoding="utf-8")
    inside = str(caught.value).removeprefix("cfg.loads: ")
    with pytest.raises(ValueError, match=rf"^cfg\.load: a\.cfg {re.escape(inside)}$"):
        cfg.load(tmp_path / "a.cfg")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\n  \n# a\n", "is empty"),
        (b"\x00\x00\x00\x02[net]\n", "is a binary file"),
        ("[net]\n".encode("utf-16"), "is a binary file"),
        (net("[softmax]").encode(), r"has no \[detection\], \[region\], \[yolo\]"),
    ],
)
def test_errors_of_the_whole_file(data, message, tmp_path):
    path = tmp_path / "a.cfg"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"^cfg\.load: a\.cfg: {message}"):
        cfg.load(path)


def test_errors_of_the_argument(tmp_path):
    with pytest.raises(TypeError, match=r"cfg\.loads: text must be a str, got bytes"):
        cfg.loads(b"[net]\n")
    with pytest.raises(FileNotFoundError):
        cfg.load(tmp_path / "none.cfg")


@pytest.mark.parametrize("name", sorted(TEXT))
def test_damaged_files_are_read_or_refused_by_line(name):
    rng = random.Random(name)
    for _ in range(60):
        lines = TEXT[name].split("\n")
        for _ in range(rng.randint(1, 3)):
            damage(lines, rng)
        assert re.match(r"cfg\.loads: |$", refusal("\n".join(lines)))


def refusal(text):
    """The error, if there is one; another kind of error fails the test."""
    try:
        cfg.loads(text)
    except ValueError as error:
        return str(error)
    return ""


def damage(lines, rng):
    """Lose, double or spoil a line."""
    place = rng.randrange(len(lines))
    line = lines[place]
    spoilt = (
        line.partition("=")[0] + "=" + rng.choice(["-1", "0", "x", "", "1e9", ",", "7,7", "1" * 99])
    )
    lines[place : place + 1] = rng.choice([[], [line] * 2, [spoilt], [line[: len(line) // 2]]])


def test_the_package_does_not_import_it():
    code = "import sys, yolo_losses; print([m for m in sys.modules if 'losses.cfg' in m or 'dialects' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
