import { Subject } from "rxjs";
import { filter } from "rxjs";
import { from } from "rxjs";
import { lastValueFrom } from "rxjs";
import { map } from "rxjs";
import { reduce } from "rxjs";
import { toArray } from "rxjs";

import { run } from "../run.mjs";

const evenSquares = [filter((value) => value % 2 === 0), map((value) => value * value)];
const sum = reduce((total, value) => total + value, 0);
const numbers$ = from([1, 2, 3, 4]);
const events$ = new Subject();

async function sumOf(values) {
  return lastValueFrom(from(values).pipe(...evenSquares, sum));
}

async function listAll() {
  return lastValueFrom(numbers$.pipe(...evenSquares, toArray()));
}

async function firstEvents(values) {
  const all = lastValueFrom(events$.pipe(toArray()));
  for (const value of values) events$.next(value);
  events$.complete();
  return all;
}

run([sumOf, [1, 2, 3, 4]], [listAll], [firstEvents, []]);
