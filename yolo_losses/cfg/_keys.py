"""Keys that the two darknets read, section by section."""

_OF_ANY_LAYER = """
    learning_rate dontload dontloadscales numload clip smooth stopbackward onlyforward dont_update
    burnin_update train_only_bn
"""
_MAPS = "activation batch_normalize"
_RECURRENT = "output hidden batch_normalize activation logistic shortcut tanh"
_CONVOLUTION = f"""
    filters size stride stride_x stride_y pad padding dilation groups binary xnor bin_output
    share_index antialiasing flipped dot sway rotate stretch stretch_sway angle deform grad_centr
    reverse coordconv cbn assisted_excitation {_MAPS}
"""
_REGION = """
    anchors num classes coords softmax rescore bias_match thresh coord_scale object_scale
    noobject_scale class_scale mask_scale max jitter random absolute log sqrt classfix background
    tree map focal_loss resize
"""
_YOLO = """
    anchors mask num classes max jitter resize random ignore_thresh truth_thresh map scale_x_y
    iou_thresh iou_thresh_kind iou_loss iou_normalizer obj_normalizer cls_normalizer
    delta_normalizer label_smooth_eps max_delta objectness_smooth focal_loss new_coords
    counters_per_class show_details nms_kind beta_nms yolo_point embedding_layer sim_thresh
    dets_for_track dets_for_show track_ciou_norm track_history_size
"""
_LAYERS = {
    "detection": """
        side num classes coords rescore softmax sqrt forced random jitter max reorg coord_scale
        object_scale noobject_scale class_scale
    """,
    "region": _REGION,
    "yolo": _YOLO,
    "Gaussian_yolo": f"{_YOLO} uc_normalizer",
    "convolutional": _CONVOLUTION,
    "deconvolutional": f"filters size stride pad padding {_MAPS}",
    "local": "filters size stride pad activation",
    "connected": f"output {_MAPS}",
    "maxpool": "size stride stride_x stride_y padding maxpool_depth out_channels antialiasing",
    "local_avgpool": "size stride stride_x stride_y padding",
    "avgpool": "",
    "upsample": "stride scale",
    "reorg": "stride reverse flatten extra",
    "reorg3d": "stride reverse",
    "reorg_old": "stride reverse",
    "route": "layers groups group_id stream wait_stream_id",
    "shortcut": "from activation alpha beta weights_type weights_normalization "
    "weights_normalizion assisted_excitation",
    "scale_channels": "from activation scale_wh",
    "sam": "from activation",
    "crop": "crop_width crop_height flip angle saturation exposure shift noadjust",
    "dropout": "probability dropblock dropblock_size_rel dropblock_size_abs",
    "cost": "type scale ratio noobj thresh",
    "softmax": "groups temperature tree spatial noloss",
    "normalization": "alpha beta kappa size",
    "activation": "activation",
    "batchnorm": "",
    "l2norm": "",
    "logistic": "",
    "empty": "",
    "silence": "",
    "contrastive": "classes temperature yolo_layer max_boxes cls_normalizer max_delta",
    "iseg": "classes ids",
    "rnn": _RECURRENT,
    "gru": _RECURRENT,
    "lstm": _RECURRENT,
}
_NET = """
    width height channels batch subdivisions inputs max_crop min_crop center aspect angle
    saturation exposure hue time_steps notruth random max_ratio min_ratio flip blur mixup cutmix
    mosaic mosaic_bound gaussian_noise letter_box label_smooth_eps contrastive
    contrastive_jit_flip contrastive_color unsupervised augment_speed optimized_memory
    workspace_size_limit_MB dynamic_minibatch sequential_subdivisions
    init_sequential_subdivisions track try_fix_nan loss_scale weights_reject_freq
    equidistant_point num_sigmas_reject_badlabels badlabels_rejection_percentage ema_alpha clip
    adversarial_lr attention max_chart_loss color max_delta
    learning_rate learning_rate_min batches_per_cycle batches_cycle_mult burn_in power policy steps
    scales seq_scales step scale gamma max_batches sgdr_cycle sgdr_mult momentum decay adam B1 B2
    eps
"""

KNOWN = {
    **{kind: frozenset((keys + _OF_ANY_LAYER).split()) for kind, keys in _LAYERS.items()},
    "net": frozenset(_NET.split()),
}

# Keys of the loss that AlexeyAB's program alone reads in a [yolo] section.
_OF_ALEXEYAB = """
    scale_x_y iou_thresh iou_thresh_kind iou_loss iou_normalizer obj_normalizer cls_normalizer
    delta_normalizer label_smooth_eps max_delta objectness_smooth focal_loss new_coords
    counters_per_class
"""
ALEXEYAB = frozenset(_OF_ALEXEYAB.split())
