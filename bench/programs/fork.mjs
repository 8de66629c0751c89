// No pool: two processes of child_process.fork, each with its half of the tasks.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const count = Number(process.argv[2]);
const file = fileURLToPath(new URL("fork-child.mjs", import.meta.url));
const children = [0, 1].map(() => fork(file));
const values = await new Promise((resolve) => {
  const done = [];
  let left = count;
  for (const child of children) {
    child.on("message", ({ i, value }) => {
      done[i] = value;
      left -= 1;
      if (left === 0) resolve(done);
    });
  }
  for (let i = 0; i < count; i += 1) children[i % 2].send({ i, x: i });
});
for (const child of children) child.disconnect();
if (values.some((value, i) => value !== i)) process.exitCode = 1;
