"""Files of labels and of raw outputs.

| of                               | read with                                              |
|----------------------------------|--------------------------------------------------------|
| YOLO txt, one file a picture     | `read_yolo_txt`, `read_yolo_folder`                    |
| a set of those, or a data.yaml   | `read_yolo`                                            |
| COCO json of instances           | `read_coco`                                            |
| Pascal VOC, a folder of xml      | `read_voc`                                             |
| raw outputs, `.npz`              | `read_npz`                                             |

`read_labels` finds the format of a set; `READERS` has its readers by name.
`targets_from_rows` and `targets_from_dicts` take what other loaders collate;
`rows_from_targets` and `dicts_from_targets` give it back.

Errors name the file, and the line or the entry.
"""

from .coco import read_coco
from .collated import (
    dicts_from_targets,
    rows_from_targets,
    targets_from_dicts,
    targets_from_rows,
)
from .files import regular
from .formats import READERS, format_of, read_labels
from .labels import Labels
from .names import CLASS_NAMES, read_class_names
from .npz import LIMIT, Header, npz_headers, read_npz
from .voc import read_voc
from .yolo_set import read_yolo
from .yolo_txt import (
    CLASS_LIMIT,
    read_yolo_folder,
    read_yolo_rows,
    read_yolo_txt,
    yolo_names,
)

__all__ = [
    "CLASS_LIMIT",
    "CLASS_NAMES",
    "LIMIT",
    "READERS",
    "Header",
    "Labels",
    "dicts_from_targets",
    "format_of",
    "npz_headers",
    "read_class_names",
    "read_coco",
    "read_labels",
    "read_npz",
    "read_voc",
    "read_yolo",
    "read_yolo_folder",
    "read_yolo_rows",
    "read_yolo_txt",
    "regular",
    "rows_from_targets",
    "targets_from_dicts",
    "targets_from_rows",
    "yolo_names",
]
