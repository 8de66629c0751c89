import { DateTime } from "luxon";
import { Duration } from "luxon";

import { run } from "../run.mjs";

const start = DateTime.fromISO("2024-01-31T10:00:00", { zone: "Europe/Berlin" });
const step = Duration.fromObject({ months: 1 });

function next(count) {
  let date = start;
  for (let index = 0; index < count; index += 1) date = date.plus(step);
  return date.setLocale("de").toLocaleString(DateTime.DATE_FULL);
}

run([next, 2], [(text) => DateTime.fromISO(text, { zone: "utc" }).toFormat("yyyy/LL/dd"), "2024-05-05"]);
