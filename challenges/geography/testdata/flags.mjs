// Says whose flags are shown, from other drawings than the game's, as an independent check of it.
//
//     node flags.mjs NODE_MODULES   questions on stdin, answers on stdout, a JSON value a line each
//
// Data: the flags of world-countries (mledoze), each in its own proportions, drawn by resvg.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const modules = process.argv[2];
const { initWasm, Resvg } = createRequire(modules + "/")("@resvg/resvg-wasm");
await initWasm(readFileSync(modules + "/@resvg/resvg-wasm/index_bg.wasm"));

// What the game says of its pictures: 4:3, a cell one wide and two high, a letter for each color.
const WIDTH = 48, HEIGHT = 36, STEP = 4;
const LETTERS = "WKRMOYGBNCPTS";
const COLORS = [
  [255, 255, 255], [0, 0, 0], [215, 20, 30], [130, 20, 40], [245, 130, 30], [252, 215, 20], [0, 130, 60], [0, 75, 180], [0, 25, 100],
  [100, 180, 230], [110, 50, 130], [140, 95, 45], [150, 150, 150],
];

// How a flag of other proportions is made 4:3: stretched, cut off, or with a margin.
const FITS = ["none", "xMidYMid slice", "xMinYMid slice", "xMinYMid meet"];

// draw draws a flag over white, and says for each cell how much farther each letter's color is than the nearest one, 0 to 1.
function draw(svg, fit) {
  const root = /<svg\b[^>]*>/s.exec(svg)[0];
  const attribute = (name) => new RegExp(`\\s${name}\\s*=\\s*["']([^"']*)["']`).exec(root)?.[1];
  const box = attribute("viewBox") ?? `0 0 ${parseFloat(attribute("width"))} ${parseFloat(attribute("height"))}`;
  const bare = root.replace(/\s(width|height|viewBox|preserveAspectRatio)\s*=\s*("[^"]*"|'[^']*')/g, "");
  const size = `width="${STEP * WIDTH}" height="${STEP * HEIGHT}" viewBox="${box}" preserveAspectRatio="${fit}"`;
  const image = new Resvg(svg.replace(root, bare.replace("<svg", `<svg ${size}`))).render();
  const p = image.pixels, out = new Float32Array(WIDTH * HEIGHT * COLORS.length);
  for (let i = 0; i < p.length; i += 4) {
    const x = (i >> 2) % (STEP * WIDTH), y = Math.floor((i >> 2) / (STEP * WIDTH));
    const at = COLORS.length * (Math.floor(y / STEP) * WIDTH + Math.floor(x / STEP));
    const open = 255 - p[i + 3]; // the colors are premultiplied
    const far = COLORS.map(([r, g, b]) => 2 * (p[i] + open - r) ** 2 + 4 * (p[i + 1] + open - g) ** 2 + 3 * (p[i + 2] + open - b) ** 2);
    const nearest = Math.min(...far);
    far.forEach((f, l) => (out[at + l] += Math.min(1, (f - nearest) / 100_000) / STEP ** 2));
  }
  return out;
}

const countries = JSON.parse(readFileSync(modules + "/world-countries/countries.json", "utf8")).filter((c) => c.independent);
const flags = countries.flatMap((c) => {
  const svg = readFileSync(`${modules}/world-countries/data/${c.cca3.toLowerCase()}.svg`, "utf8");
  return FITS.map((fit) => [c.cca3, draw(svg, fit)]);
});

// unlike says how little a part of a flag looks like what is shown.
function unlike(shown, flag, left, top) {
  let sum = 0;
  for (let row = 0, i = 0; i < shown.cells.length; row++) {
    let at = COLORS.length * ((top + 2 * row) * WIDTH + left);
    for (let col = 0; col < shown.width; col++, i++, at += COLORS.length) sum += flag[at + shown.cells[i]];
  }
  return sum;
}

// solve finds the flag some part of which looks most like what is shown: the middles of all flags are
// compared first, and then all parts of those that were most alike.
function solve(block) {
  const width = block[0].length, height = block.length;
  const shown = { width, cells: Uint8Array.from(block.join(""), (letter) => LETTERS.indexOf(letter)) };
  const alike = flags.map(([code, flag]) => {
    return { code, flag, u: unlike(shown, flag, (WIDTH - width) >> 1, (HEIGHT - 2 * height) >> 1) };
  });
  alike.sort((a, b) => a.u - b.u);
  let best = Infinity, found = "";
  for (const { code, flag } of alike.slice(0, 60)) {
    for (let top = 0; top + 2 * height <= HEIGHT; top++) {
      for (let left = 0; left + width <= WIDTH; left++) {
        const u = unlike(shown, flag, left, top);
        if (u < best) [best, found] = [u, code];
      }
    }
  }
  return found;
}

for (const line of readFileSync(0, "utf8").split("\n").filter((l) => l)) {
  console.log(JSON.stringify(solve(JSON.parse(line).block)));
}
