"""Files of labels and of raw outputs.

| of                               | read with                                              |
|----------------------------------|--------------------------------------------------------|
| YOLO txt, one file a picture     | `read_yolo_txt`, `read_yolo_folder`                    |
| COCO json of instances           | `read_coco`                                            |
| Pascal VOC, a folder of xml      | `read_voc`                                             |
| raw outputs, `.npz`              | `read_npz`                                             |

`targets_from_rows` and `targets_from_dicts` take what other loaders collate.

Errors name the file, and the line or the entry.
"""

from .coco import read_coco
from .collated import targets_from_dicts, targets_from_rows
from .labels import Labels
from .npz import LIMIT, Header, npz_headers, read_npz, regular
from .voc import read_voc
from .yolo_txt import (
    CLASS_LIMIT,
    CLASS_NAMES,
    read_class_names,
    read_yolo_folder,
    read_yolo_rows,
    read_yolo_txt,
    yolo_names,
)

__all__ = [
    "CLASS_LIMIT",
    "CLASS_NAMES",
    "LIMIT",
    "Header",
    "Labels",
    "npz_headers",
    "read_class_names",
    "read_coco",
    "read_npz",
    "read_voc",
    "read_yolo_folder",
    "read_yolo_rows",
    "read_yolo_txt",
    "regular",
    "targets_from_dicts",
    "targets_from_rows",
    "yolo_names",
]
