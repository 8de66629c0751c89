// The worker file of tinypool, piscina and jest-worker.
export function run(x) {
  return x;
}
