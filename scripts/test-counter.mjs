// A reporter for node:test that writes one number: how many tests really ran. Node's own summary does not tell, since
// Node 20 counts what a name pattern skips, and Node 22 and later count a file without a matching test as a test.

import path from "node:path";

/** Whether the event is about a file as a whole rather than about a test in it. */
function isFile({ name, file }) {
  return file !== undefined && path.resolve(name) === file;
}

// Reason: node:test takes a reporter from the default export.
// oxlint-disable-next-line import/no-default-export
export default async function* countTests(events) {
  let ran = 0;
  for await (const { type, data } of events) {
    const hasEnded = type === "test:pass" || type === "test:fail";
    const isTest = hasEnded && data.details.type !== "suite" && data.skip === undefined && !isFile(data);
    if (isTest) ran += 1;
  }
  yield String(ran);
}
