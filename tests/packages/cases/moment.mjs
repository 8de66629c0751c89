import moment from "moment";

import { run } from "../run.mjs";

const epoch = moment.utc("2024-01-31T10:00:00Z");
const day = moment.duration(1, "day");

function addMonths(count) {
  return epoch.clone().add(count, "months").add(day).format("YYYY-MM-DD HH:mm");
}

function daysSince(text) {
  return moment.utc(text).diff(epoch, "days");
}

run([addMonths, 1], [addMonths, 13], [daysSince, "2024-03-01"]);
