import sharp from "sharp";

import { run } from "../run.mjs";

const size = { width: 4, height: 2 };
const background = { r: 255, g: 0, b: 0 };

async function thumbnail(format) {
  const image = sharp({ create: { ...size, channels: 3, background } });
  const { info } = await image.resize(2).toFormat(format).toBuffer({ resolveWithObject: true });
  return [info.format, info.width, info.height];
}

async function pixels(image) {
  const data = await sharp(image).removeAlpha().raw().toBuffer();
  return [...data];
}

const gif = Buffer.from("R0lGODlhAQABAIAAAP8AAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==", "base64");
run([thumbnail, "png"], [thumbnail, "webp"], [pixels, gif]);
