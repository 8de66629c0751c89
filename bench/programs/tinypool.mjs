import { Tinypool } from "tinypool";

const count = Number(process.argv[2]);
const filename = new URL("worker.mjs", import.meta.url).href;
const pool = new Tinypool({ filename, runtime: "child_process", minThreads: 2, maxThreads: 2 });
const values = await Promise.all(Array.from({ length: count }, (_, i) => pool.run(i, { name: "run" })));
await pool.destroy();
if (values.some((value, i) => value !== i)) process.exitCode = 1;
