"""From where on something is a finding, and why there."""

ENOUGH = 8  # objects from which a statistic is an argument
MOST = 0.9  # the share that speaks for a wrong format: not one odd file, but the set
STICKS_OUT = 0.01  # of the image: an edge beyond it is more than rounding
OFTEN = 0.25  # of objects: centre boxes within their image stick out never, wrong ones often
PIXELS = 2.0  # no box that merely sticks out of the image has a coordinate above
TINY = 1 / 200  # of the image: what is left of a fraction that was divided by a size again
BETTER = 0.3  # of IOU: twice what chance gives to boxes in one image, exchanged or not
DETECTIONS = 100  # of an image, the most confident: as many as COCO's evaluation looks at
UNFIT = 5.0  # times: strides are 8 and more, anchors of k-means fit within a factor of 2 or 3
HALF = 0.5  # more of a set than not
LOST = 0.05  # of objects: no recall above 0.95 on what was trained on
COVERED = 0.5  # of an image: less of it is trained on than not
EXPLODED = 50.0  # e⁵⁰ anchors, and a σ whose slope is below every float32 next to 1
SATURATED = 17.0  # σ(17) is 1 in float32
NUMBERS = 100  # that lie in [0, 1] by chance: never
SOFTMAX = 1e-3  # around 1, the sum of probabilities in any dtype
FIELDS = 0.2  # of all variance, between fields: t_o near −5 among others near 0 has more
FEWER = 0.25  # times as much in the layout as given
