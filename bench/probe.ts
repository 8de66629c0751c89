/**
 * One measure of one contender in a process of its own, so that no figure carries what another one left behind (a
 * grown heap, compiled code, a warm pool).
 *
 *     node probe.js MEASURE CONTENDER SIZES     prints the figures as one line of JSON
 */

import { CONTENDERS } from "./contenders.js";
import { MEASURES } from "./measures.js";
import type { Sizes } from "./measure.js";

const [measureId, contenderName, sizes = "{}"] = process.argv.slice(2);
const measure = MEASURES.find(({ id }) => id === measureId);
const contender = CONTENDERS.find(({ name }) => name === contenderName);
if (measure === undefined || contender === undefined) throw new Error(`No measure ${measureId} of ${contenderName}.`);
const figures = await measure.run(contender.load, JSON.parse(sizes) as Sizes);
// Some pools leave handles open behind their close().
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));
