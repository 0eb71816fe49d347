// A consumer of the vectors in another language: IOU, CIOU and the decode of YOLOv3 in JavaScript.
//
//   node conformance/consumers/check.mjs [folder of the vectors]
//
// The implementation under test is the first half; the second half reads the cases, calls it and
// judges by the tolerance of each case. Exit code 1 if a case differs.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

// 1. The implementation.

const side = (low, high) => Math.max(high - low, 0);
const upright = ([x1, y1, x2, y2]) => {
  if (x2 < x1) x1 = x2 = (x1 + x2) / 2;
  if (y2 < y1) y1 = y2 = (y1 + y2) / 2;
  return [x1, y1, x2, y2];
};

function iou(pred, gt) {
  const [a, b] = [upright(pred), upright(gt)];
  const w = side(Math.max(a[0], b[0]), Math.min(a[2], b[2]));
  const h = side(Math.max(a[1], b[1]), Math.min(a[3], b[3]));
  const area = (box) => side(box[0], box[2]) * side(box[1], box[3]);
  const union = area(a) + area(b) - w * h;
  return union === 0 ? 0 : (w * h) / union;
}

function ciou(pred, gt) {
  const [a, b] = [upright(pred), upright(gt)];
  const rho2 = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2;
  const c2 =
    side(Math.min(a[0], b[0]), Math.max(a[2], b[2])) ** 2 +
    side(Math.min(a[1], b[1]), Math.max(a[3], b[3])) ** 2;
  const distance = c2 === 0 ? 0 : rho2 / c2;
  const sizes = [a, b].map((box) => [side(box[0], box[2]), side(box[1], box[3])]);
  if (sizes.flat().includes(0)) return iou(a, b) - distance;
  const [angle, other] = sizes.map(([w, h]) => Math.atan(w / h));
  const v = (4 / Math.PI ** 2) * (other - angle) ** 2;
  const alpha = v === 0 ? 0 : v / (1 - iou(a, b) + v);
  return iou(a, b) - distance - alpha * v;
}

const sigmoid = (t) => 1 / (1 + Math.exp(-t));
const exp = (t) => Math.exp(Math.min(Math.max(t, -20), 20));

function decodeV3(raw, config) {
  const each = raw.map((head, s) => {
    const [H, W, stride] = [head[0].length, head[0][0].length, config.strides[s]];
    const anchors = config.masks[s].map((k) => config.anchors[k]);
    const at = (of) =>
      head.map((image) =>
        image.map((cells, row) => cells.map((cell, col) => cell.map((t, a) => of(t, row, col, a)))),
      );
    return {
      boxes: at((t, row, col, a) => [
        (sigmoid(t[0]) + col) / W,
        (sigmoid(t[1]) + row) / H,
        (anchors[a][0] / (W * stride)) * exp(t[2]),
        (anchors[a][1] / (H * stride)) * exp(t[3]),
      ]),
      obj: at((t) => sigmoid(t[4])),
      cls: at((t) => t.slice(5).map(sigmoid)),
    };
  });
  return Object.fromEntries(["boxes", "obj", "cls"].map((k) => [k, each.map((head) => head[k])]));
}

// 2. The vectors.

const FILES = {
  iou: (inputs) => ({ value: iou(inputs.pred, inputs.gt) }),
  ciou: (inputs) => ({ value: ciou(inputs.pred, inputs.gt) }),
  "v3-decode": (inputs) => ({ decoded: decodeV3(inputs.raw, inputs.config) }),
};

const numbers = (x) => (typeof x === "object" ? Object.values(x).flatMap(numbers) : [Number(x)]);

function differs(got, want, [rel, abs]) {
  const [a, b] = [numbers(got), numbers(want)];
  const near = (x, y) => Object.is(x, y) || Math.abs(x - y) <= rel * Math.abs(y) + abs;
  return a.length !== b.length || !a.every((x, k) => near(x, b[k]));
}

const folder = process.argv[2] ?? fileURLToPath(new URL("../cases", import.meta.url));
let failed = 0;
for (const [name, answer] of Object.entries(FILES)) {
  const file = JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8"));
  for (const c of file.cases)
    for (const [part, got] of Object.entries(answer(c.inputs)))
      if (differs(got, c.expected[part], c.tolerance[part].float64)) {
        failed += 1;
        console.log(`${c.id}: ${part} differs. The case catches: ${c.why}.`);
        for (const flag of c.flags) console.log(`  ${flag}: ${file.flags[flag]}`);
      }
  console.log(`${name}: ${file.cases.length} cases of vectors ${file.vectors}`);
}
process.exit(failed ? 1 : 0);
