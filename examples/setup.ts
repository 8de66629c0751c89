/**
 * What a program has done to a package, each worker must do as well: give the same function as `initializer`.
 *
 * `inspect.defaultOptions` stands for `dayjs.locale("de")`, `i18next.init(...)`, `axios.defaults.baseURL = ...`.
 */

import { inspect } from "node:util";

import { ProcessPoolExecutor } from "asynccpu";

function setup(): void {
  inspect.defaultOptions.numericSeparator = true;
}

function show(amount: number): string {
  return inspect(amount);
}

setup();
await using without = new ProcessPoolExecutor({ maxWorkers: 1 });
await using executor = new ProcessPoolExecutor({ maxWorkers: 1, initializer: setup });
console.log(`here: ${show(1234567)}`);
console.log(`without: ${await without.submit(show, 1234567)}`);
console.log(`with: ${await executor.submit(show, 1234567)}`);
