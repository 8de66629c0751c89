// No pool: two processes of child_process.fork, which take turns.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

import { runTasks } from "./tasks.mjs";

const file = fileURLToPath(new URL("fork-child.mjs", import.meta.url));
const children = [0, 1].map(() => fork(file));
const waiting = new Map();
let sent = 0;
for (const child of children) {
  child.on("message", ({ i, value }) => {
    waiting.get(i)(value);
    waiting.delete(i);
  });
}

function send(task) {
  const i = sent;
  sent += 1;
  return new Promise((resolve) => {
    waiting.set(i, resolve);
    children[i % 2].send({ i, ...task });
  });
}

await runTasks(
  (x) => send({ x }),
  (steps) => send({ steps }),
);
for (const child of children) child.disconnect();
