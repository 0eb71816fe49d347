"""Libraries of TensorFlow: KerasCV, and a program of the YOLO family, with slopes by its tape."""

from collections.abc import Callable, Mapping
from typing import Any

from conformance.others.function import Answer, Function, Library
from yolo_losses.testing import Case


def _similarity(function: Callable[[Any, Any], Any]) -> Answer:
    """Of (pred (1, 4), gt (1, 4)) → one number, in any shape."""

    def answer(case: Case, dtype: str) -> Mapping[str, Any]:
        import tensorflow as tf

        pred, gt = (tf.constant([case.inputs[k]], dtype=dtype) for k in ("pred", "gt"))
        with tf.GradientTape() as tape:
            tape.watch(pred)
            value = tf.reshape(function(pred, gt), ())
        return {"value": value.numpy(), "slopes": tape.gradient(value, pred)[0].numpy()}

    return answer


def _loss(function: Callable[[Any, Any], Any]) -> Answer:
    """Of a loss of Keras: (truth, prediction) → 1 − similarity."""
    return _similarity(lambda pred, gt: 1 - function(gt, pred))


def keras_cv() -> list[Function]:
    """Of `keras_cv`, on TensorFlow."""
    import keras
    import keras_cv

    if keras.backend.backend() != "tensorflow":
        msg = "the slopes are those of TensorFlow: set KERAS_BACKEND=tensorflow"
        raise ImportError(msg)
    boxes, losses = keras_cv.bounding_box, keras_cv.losses
    giou = losses.GIoULoss("xyxy", axis="no_reduction", reduction="none")
    ciou = losses.CIoULoss("xyxy", reduction="none")
    return [
        Function("bounding_box.compute_iou", ("iou",),
                 _similarity(lambda a, b: boxes.compute_iou(a, b, "xyxy")), "float32"),
        Function("losses.GIoULoss", ("giou",), _loss(giou), "float32"),
        Function("losses.CIoULoss", ("ciou",), _loss(ciou), "float32"),
    ]  # fmt: skip


def yolov4() -> list[Function]:
    """Of `yolov4.tf.training`, whose boxes are centre and size."""
    from yolov4.tf.training import iou

    functions = {"iou": iou.bbox_iou, "giou": iou.bbox_giou, "ciou": iou.bbox_ciou}
    return [
        Function(f"tf.training.iou.bbox_{of}", (of,), _similarity(_centre_form(function)))
        for of, function in functions.items()
    ]


def _centre_form(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def centre(xyxy: Any) -> Any:
        import tensorflow as tf

        low, high = xyxy[..., :2], xyxy[..., 2:]
        return tf.concat([(low + high) / 2, high - low], axis=-1)

    return lambda pred, gt: function(centre(pred), centre(gt))[0]


LIBRARIES = (Library("keras-cv", keras_cv), Library("yolov4", yolov4))
