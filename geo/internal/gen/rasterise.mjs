// Reads country codes from its arguments, writes one raw RGBA raster of
// 192 x 144 pixels for each to standard output. The renderer is compiled to
// WebAssembly, so that every machine draws the same pixels.
import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, ...codes] = process.argv.slice(2);
const require = createRequire(modules + "/");
const { initWasm, Resvg } = require("@resvg/resvg-wasm");
await initWasm(readFileSync(modules + "/@resvg/resvg-wasm/index_bg.wasm"));

for (const code of codes) {
  const svg = readFileSync(`${modules}/flag-icons/flags/4x3/${code.toLowerCase()}.svg`);
  const image = new Resvg(svg, { fitTo: { mode: "width", value: 192 } }).render();
  if (image.width !== 192 || image.height !== 144) {
    throw new Error(`flag ${code}: ${image.width} x ${image.height}`);
  }
  const pixels = image.pixels;
  for (let done = 0; done < pixels.length; ) {
    try {
      done += writeSync(1, pixels, done);
    } catch (e) {
      if (e.code !== "EAGAIN") throw e;
    }
  }
}
