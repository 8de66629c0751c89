import { addDays } from "date-fns";
import { format } from "date-fns";
import { formatDistance } from "date-fns";
import { de } from "date-fns/locale";

import { run } from "../run.mjs";

const start = new Date(2024, 0, 30);
const options = { locale: de };

function due(days) {
  const end = addDays(start, days);
  return [format(end, "PPPP", options), formatDistance(end, start, options)];
}

run([due, 3], [due, 400], [format, start, "yyyy-MM-dd"]);
