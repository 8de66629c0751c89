import dayjs from "dayjs";
import utc from "dayjs/plugin/utc.js";

import { run } from "../run.mjs";

const start = dayjs("2024-01-31T10:00:00Z");

function addMonths(count) {
  return start.add(count, "month").toISOString();
}

function inUtc(text) {
  dayjs.extend(utc);
  return dayjs.utc(text).startOf("month").format("YYYY-MM-DD");
}

run([addMonths, 1], [(text) => dayjs(text).year(), "2020-05-05"], [inUtc, "2024-05-05"]);
